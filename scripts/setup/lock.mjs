/** One setup at a time in a checkout: npm and the links in node_modules stand no second writer. */
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from './paths.mjs';
import { say } from './run.mjs';

const folder = join(root, '.cache');
const lock = join(folder, 'setup.lock');
const hourInMilliseconds = 3_600_000;

/** Waits for another setup of this checkout to end. The lock is given back when the process exits. */
export async function lockCheckout() {
  let told = false;
  while (!take()) {
    if (isStale()) {
      rmSync(lock, { force: true });
      continue;
    }
    if (!told) say('waiting for another setup in this checkout');
    told = true;
    await sleep(200);
  }
  process.on('exit', () => rmSync(lock, { force: true }));
}

function take() {
  const own = `${lock}.${process.pid}`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(own, String(process.pid));
  try {
    // Unlike opening a new file, this makes the lock and its content in one step.
    linkSync(own, lock);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    return false;
  } finally {
    rmSync(own);
  }
}

/** Left by a run that was killed; after an hour the number may have become another process's. */
function isStale() {
  try {
    if (Date.now() - statSync(lock).mtimeMs > hourInMilliseconds) return true;
    process.kill(Number(readFileSync(lock, 'utf8')), 0);
    return false;
  } catch (error) {
    // ESRCH: no such process. ENOENT: given back just now; removing nothing does no harm.
    return /** @type {NodeJS.ErrnoException} */ (error).code !== 'EPERM';
  }
}
