/** Programs that fault tests run (`--test`): strace, which lets a system call of the log fail or kill it. */
import { join } from 'node:path';
import { hashOf, modules, readStamp, standingProblem, writeProblem, writeStamp } from './paths.mjs';
import { installWithApt } from './python.mjs';
import { run, say, step } from './run.mjs';

const stampFile = join(modules, '.firtrend-tools.json');
const key = hashOf('strace');

export async function prepareTools() {
  const stamp = readStamp(stampFile, key);
  if (stamp?.ready) return;
  if (standingProblem(stamp) === undefined) {
    const start = performance.now();
    const isThere =
      (await run('strace', ['-V'])).ok || (await step('strace', () => installWithApt(['strace'])));
    if (isThere) {
      writeStamp(stampFile, key, { ready: true });
      return;
    }
    writeProblem(stampFile, key, 'strace is not installed', (performance.now() - start) / 1000);
  }
  say('strace is not installed: tests that need it will be skipped');
}
