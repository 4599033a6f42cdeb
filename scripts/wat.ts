/** `npm run wat`: makes src/filter/vectorModule.ts of src/filter/vector.wat. A test holds the two together. */
import { writeFileSync } from 'node:fs';
import { compiledModule, modulePath } from './wat/compile.ts';

writeFileSync(modulePath, await compiledModule());
