/** The rule of the fingerprint on processors that this machine is not, by an emulator. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from '../support/command.ts';
import { emulatorPath, whyNoEmulator } from '../support/emulator.ts';

const qemu = emulatorPath();
const skipped = qemu === undefined ? ` [skipped: ${whyNoEmulator()}]` : '';
let recording: string;

interface Machine {
  readonly equal: boolean;
  readonly fingerprint: string;
  /** Of `apply`, a row a sample. */
  readonly trends: number[][];
}

/** `firtrend verify` and `apply` on that processor, our own where none is named: one process, for starting one is slow. */
async function machine(cpu: string | undefined): Promise<Machine> {
  const program = `
    import { run } from ${JSON.stringify(join(root, 'dist/cli/run.js'))};
    await run(['verify', 'gait', ${JSON.stringify(recording)}, '--json']);
    await run(['apply', 'gait', ${JSON.stringify(recording)}, '--out', '-']);`;
  const command = [process.execPath, '--input-type=module', '--eval', program];
  const [file, ...args] = cpu === undefined ? command : [qemu!, '-cpu', cpu, ...command];
  const { stdout } = await promisify(execFile)(file!, args, { cwd: root, maxBuffer: 64 << 20 });
  const [verified, _header, ...rows] = stdout.trim().split('\n');
  return { ...JSON.parse(verified!), trends: rows.map((row) => row.split(',').slice(1).map(Number)) };
}

/** An emulated processor is some 20 times slower (ms). */
const slow = 300_000;

let ours: Machine;
beforeAll(async () => {
  const whole = await readFile(join(root, 'recordings/seattle-weather.csv'), 'utf8');
  const dir = await mkdtemp(join(tmpdir(), 'firtrend-cpu-'));
  recording = join(dir, 'weather.csv');
  await writeFile(recording, whole.split('\n').slice(0, 300).join('\n'));
  if (qemu !== undefined) ours = await machine(undefined);
});

afterAll(() => rm(dirname(recording), { recursive: true }));

/** Nothing of a weather record is larger: mm of rain, degrees, metres a second. */
const largest = 60;

test.skipIf(qemu === undefined)(
  `without FMA bits are others, exact among themselves, under another fingerprint, and near ours${skipped}`,
  async () => {
    const nehalem = await machine('Nehalem');
    expect([ours.equal, nehalem.equal]).toEqual([true, true]);
    expect(nehalem.trends).not.toEqual(ours.trends);
    expect(nehalem.fingerprint).not.toBe(ours.fingerprint);
    for (const [n, row] of ours.trends.entries()) {
      for (const [c, trend] of row.entries()) {
        expect(Math.abs(nehalem.trends[n]![c]! - trend)).toBeLessThanOrEqual(1e-6 * largest);
      }
    }
  },
  slow,
);

test.skipIf(qemu === undefined)(
  `with FMA and without AVX-512, bits are the same under the same fingerprint${skipped}`,
  async () => {
    const haswell = await machine('Haswell');
    expect(haswell.equal).toBe(true);
    // Where it is another fingerprint nothing is promised, and the flag of the host's processor may make it one.
    if (haswell.fingerprint === ours.fingerprint) expect(haswell.trends).toEqual(ours.trends);
    else expect(haswell.fingerprint).toMatch(/, bits [0-9a-f]{8}$/);
  },
  slow,
);
