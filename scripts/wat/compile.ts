import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';

const source = fileURLToPath(new URL('../../src/filter/vector.wat', import.meta.url));
export const modulePath = fileURLToPath(new URL('../../src/filter/vectorModule.ts', import.meta.url));

/** The text of vectorModule.ts. */
export async function compiledModule(): Promise<string> {
  const { parseWat } = await wabt();
  const module = parseWat('vector.wat', readFileSync(source, 'utf8'), { simd: true });
  module.resolveNames();
  module.validate();
  const { buffer } = module.toBinary({});
  const text = Buffer.from(buffer).toString('base64');
  const lines = text.match(/.{1,96}/g)!.map((line) => `  '${line}'`);
  return [
    '/** vector.wat as WebAssembly, base64: made by `npm run wat`. */',
    `export const vectorModule: string =\n${lines.join(' +\n')};\n`,
  ].join('\n');
}
