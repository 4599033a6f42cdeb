/** The Python that `node scripts/setup.mjs --test` has prepared, for tests that compare with its packages. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const modules = join(import.meta.dirname, '../../node_modules');
const stampFiles = {
  test: join(modules, '.firtrend-python.json'),
  conformance: join(modules, '.firtrend-conformance.json'),
  torch: join(modules, '.firtrend-torch.json'),
} as const;

/** The interpreter that can import what the requirements name, those of tests or of proofs; undefined if there is none. */
export function pythonPath(kind: keyof typeof stampFiles = 'test'): string | undefined {
  const { interpreter } = readStamp(kind);
  return interpreter !== undefined && existsSync(interpreter) ? interpreter : undefined;
}

/** Why `pythonPath()` is undefined, for the `[skipped: …]` of a test's title. */
export function whyNoPython(kind: keyof typeof stampFiles = 'test'): string {
  return `no Python packages: ${readStamp(kind).problem ?? 'node scripts/setup.mjs --test has not been run'}`;
}

function readStamp(kind: keyof typeof stampFiles): { interpreter?: string; problem?: string } {
  const stampFile = stampFiles[kind];
  return existsSync(stampFile) ? JSON.parse(readFileSync(stampFile, 'utf8')) : {};
}
