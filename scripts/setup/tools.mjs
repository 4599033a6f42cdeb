/**
 * Programs that tests run (`--test`): strace, which lets a system call of the log fail or kill it, faketime,
 * which sets the clock of one process, and a browser for the dashboard.
 */
import { join } from 'node:path';
import { hashOf, modules, readStamp, standingProblem, writeProblem, writeStamp } from './paths.mjs';
import { installWithApt } from './python.mjs';
import { run, say, step } from './run.mjs';

const stampFile = join(modules, '.firtrend-tools.json');
/** Name, as that of its package, and what it answers to. */
const tools = /** @type {const} */ ([
  ['strace', '-V'],
  ['faketime', '--version'],
  ['chromium', '--version'],
]);
const key = hashOf(tools.join());

export async function prepareTools() {
  const stamp = readStamp(stampFile, key);
  if (stamp?.ready) return;
  let missing = await missingTools();
  if (standingProblem(stamp) === undefined) {
    const start = performance.now();
    if (missing.length > 0) {
      await step(missing.join(' and '), () => installWithApt(missing));
      missing = await missingTools();
    }
    if (missing.length === 0) {
      writeStamp(stampFile, key, { ready: true });
      return;
    }
    writeProblem(stampFile, key, `not installed: ${missing.join(', ')}`, (performance.now() - start) / 1000);
  }
  for (const name of missing) say(`${name} is not installed: tests that need it will be skipped`);
}

/** @returns {Promise<string[]>} */
async function missingTools() {
  const missing = [];
  for (const [name, asked] of tools) if (!(await run(name, [asked])).ok) missing.push(name);
  return missing;
}
