import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const script = fileURLToPath(new URL('reloads.mjs', import.meta.url));

/** 2,000 of them are in `npm run bench -- filter`. */
test('a reload of a kernel leaves less than 10 kB behind', async () => {
  const count = 150;
  // V8's young generation stays as small as it begins: its growth is no leak.
  const args = ['--expose-gc', '--max-semi-space-size=1', script, String(count)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const resident = stdout.trim().split('\n').map(Number);
  // What leaks, leaks each time; what the allocator does once, it does once.
  const growth = resident.slice(1).map((bytes, i) => (bytes - resident[i]!) / count);
  expect(growth).toHaveLength(3);
  expect(Math.min(...growth)).toBeLessThan(10_000);
});
