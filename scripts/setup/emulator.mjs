/** qemu-user, with which tests run on a processor that this machine is not (`--test`). */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { hashOf, modules, readStamp, standingProblem, writeProblem, writeStamp } from './paths.mjs';
import { installWithApt } from './python.mjs';
import { say, step } from './run.mjs';

const program = 'qemu-x86_64';
/** Read by test/support/emulator.ts. */
const stampFile = join(modules, '.firtrend-emulator.json');

export async function prepareEmulator() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return;
  const key = hashOf(program);
  const stamp = readStamp(stampFile, key);
  if (stamp?.path !== undefined && existsSync(stamp.path)) return;
  const start = performance.now();
  const standing = standingProblem(stamp);
  if (standing === undefined && found() === undefined) {
    await step('an emulator of other processors', async () => {
      await installWithApt(['qemu-user']);
    });
  }
  const path = found();
  if (path !== undefined) {
    writeStamp(stampFile, key, { path });
    return;
  }
  const problem = standing ?? `${program} is not installed (on Debian, install qemu-user)`;
  if (standing === undefined) writeProblem(stampFile, key, problem, (performance.now() - start) / 1000);
  say(`emulator: tests that need it will be skipped: ${problem}`);
}

/** @returns {string | undefined} */
function found() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}
