/** The Python that `node scripts/setup.mjs --test` has prepared, for tests that compare with its packages. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const stampFile = join(import.meta.dirname, '../../node_modules/.firtrend-python.json');

/** The interpreter that can import what test/requirements.txt names; undefined if there is none. */
export function pythonPath(): string | undefined {
  const { interpreter } = readStamp();
  return interpreter !== undefined && existsSync(interpreter) ? interpreter : undefined;
}

/** Why `pythonPath()` is undefined, for the `[skipped: …]` of a test's title. */
export function whyNoPython(): string {
  return `no Python packages: ${readStamp().problem ?? 'node scripts/setup.mjs --test has not been run'}`;
}

function readStamp(): { interpreter?: string; problem?: string } {
  return existsSync(stampFile) ? JSON.parse(readFileSync(stampFile, 'utf8')) : {};
}
