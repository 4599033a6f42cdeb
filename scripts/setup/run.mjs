/** What every step of setup uses: progress lines, and child processes that can be ended whole. */
import { spawn } from 'node:child_process';

/** A failure that one sentence explains: what failed and what to do. Anything else is a bug and keeps its stack. */
export class SetupError extends Error {}

/** @param {string} line */
export function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}

/**
 * One line: the name when the step starts, the seconds when it ends.
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(name, work) {
  const start = performance.now();
  process.stderr.write(`setup: ${name} …`);
  try {
    return await work();
  } finally {
    process.stderr.write(` ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
  }
}

/** @param {string} name @param {number} fallback */
export function secondsFromEnvironment(name, fallback) {
  const text = process.env[name];
  if (text === undefined || text === '') return fallback;
  const seconds = Number(text);
  if (!(seconds > 0))
    throw new SetupError(`${name} is ${JSON.stringify(text)}; give a number of seconds above 0.`);
  return seconds;
}

/** How long anything may take that downloads: a firewall that drops packets would otherwise hold it for ever. */
export const downloadSeconds = () => secondsFromEnvironment('FIRTREND_DOWNLOAD_SECONDS', 900);

/** Process groups of the children still running. @type {Set<number>} */
const groups = new Set();

process.on('exit', () => {
  for (const group of groups) endGroup(group);
});
// Children have process groups of their own, so Ctrl-C in the terminal reaches only this process.
for (const [signal, number] of /** @type {const} */ ([
  ['SIGHUP', 1],
  ['SIGINT', 2],
  ['SIGTERM', 15],
])) {
  process.on(signal, () => process.exit(128 + number));
}

/** @param {number} group */
function endGroup(group) {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/**
 * Runs a program to its end, never rejecting: a missing program or a time-out is a failure like any other.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, seconds?: number }} [options]
 * @returns {Promise<{ ok: boolean, output: string, why: string }>} `output` is stdout and stderr as they came, `why`
 *   the line of it that says best what went wrong ('' when ok).
 */
export function run(command, args, { cwd, env = process.env, seconds } = {}) {
  return new Promise((resolve) => {
    let output = '';
    let timedOut = false;
    // A group of its own, so that a time-out ends the installer's children too.
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const group = child.pid;
    if (group !== undefined) groups.add(group);
    const timer =
      seconds &&
      setTimeout(() => {
        timedOut = true;
        if (group !== undefined) endGroup(group);
      }, seconds * 1000);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    /** @param {boolean} ok @param {string} why */
    const finish = (ok, why) => {
      clearTimeout(timer);
      if (group !== undefined) groups.delete(group);
      resolve({ ok, output, why });
    };
    child.on('error', () => finish(false, `${command} is not installed`));
    child.on('close', (code) => {
      if (timedOut) finish(false, `no answer within ${seconds} s`);
      else if (code === 0) finish(true, '');
      else finish(false, tellingLine(output) ?? `${command} ended with code ${code}`);
    });
  });
}

/** The first line that names an error, else the last line. @param {string} output */
function tellingLine(output) {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return (lines.find((line) => /error: |^npm error|no module named/i.test(line)) ?? lines.at(-1))?.slice(
    0,
    200,
  );
}
