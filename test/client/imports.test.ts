import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';

const entry = new URL('../../src/client/client.ts', import.meta.url).pathname;

/** What a file still imports once its types are erased, also dynamically. */
function imports(file: string): string[] {
  const compilerOptions = {
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2023,
    verbatimModuleSyntax: true,
  };
  const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), { compilerOptions });
  return ts.preProcessFile(outputText).importedFiles.map(({ fileName }) => fileName);
}

it('the client imports nothing a browser lacks, and no schemas', () => {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const walk = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const name of imports(file)) {
      if (!name.startsWith('.')) packages.add(name);
      else {
        const path = resolve(dirname(file), name);
        expect(existsSync(path), `${file} imports ${name}`).toBe(true);
        walk(path);
      }
    }
  };
  walk(entry);
  expect(seen.size).toBeGreaterThan(10);
  // ws is imported dynamically where there is no WebSocket; in a browser there is one.
  expect([...packages]).toEqual(['ws']);
  const folders = new Set([...seen].map((file) => file.replace(/^.*\/src\//, '').split('/')[0]));
  expect([...folders].sort()).toEqual(['client', 'dsp', 'wire']);
});
