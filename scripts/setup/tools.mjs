/**
 * Programs that tests run (`--test`): strace, which lets a system call of the log fail or kill it, faketime,
 * which sets the clock of one process, a browser for the dashboard, and systemd's own judgement of a unit.
 */
import { join } from 'node:path';
import { hashOf, modules, readStamp, standingProblem, writeProblem, writeStamp } from './paths.mjs';
import { installWithApt } from './python.mjs';
import { run, say, step } from './run.mjs';

const stampFile = join(modules, '.firtrend-tools.json');
/** Name, what it answers to, and its package. */
const tools = /** @type {const} */ ([
  ['strace', '-V', 'strace'],
  ['faketime', '--version', 'faketime'],
  ['chromium', '--version', 'chromium'],
  ['systemd-analyze', '--version', 'systemd'],
]);
const key = hashOf(tools.join());

export async function prepareTools() {
  const stamp = readStamp(stampFile, key);
  if (stamp?.ready) return;
  let missing = await missingTools();
  if (standingProblem(stamp) === undefined) {
    const start = performance.now();
    if (missing.length > 0) {
      const packages = tools.filter(([name]) => missing.includes(name)).map(([, , name]) => name);
      await step(packages.join(' and '), () => installWithApt(packages));
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
