/** The emulator of other x64 processors that `node scripts/setup.mjs --test` has looked for. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const stampFile = join(import.meta.dirname, '../../node_modules/.firtrend-emulator.json');

/** `qemu-x86_64`, undefined if there is none. */
export function emulatorPath(): string | undefined {
  const { path } = readStamp();
  return path !== undefined && existsSync(path) ? path : undefined;
}

/** Why `emulatorPath()` is undefined, for the `[skipped: …]` of a test's title. */
export function whyNoEmulator(): string {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'no emulator: only on Linux x64';
  return `no emulator: ${readStamp().problem ?? 'node scripts/setup.mjs --test has not been run'}`;
}

function readStamp(): { path?: string; problem?: string } {
  return existsSync(stampFile) ? JSON.parse(readFileSync(stampFile, 'utf8')) : {};
}
