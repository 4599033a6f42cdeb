import { readFileSync } from 'node:fs';

/** Of the package this file belongs to, two folders up in `src/` and in `dist/` alike. */
export const version: string = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
