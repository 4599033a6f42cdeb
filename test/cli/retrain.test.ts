import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodeModel } from '../../src/model/encodeModel.ts';
import { publish } from '../../src/model/repository.ts';
import { trendModel } from '../../src/model/trendModel.ts';
import { retrain, root } from '../support/command.ts';
import { temporaryFolder } from '../support/models.ts';

const gait = join(root, 'recordings/gait-accelerometer.csv');

const active = async (dir: string) => (await readFile(join(dir, 'walk/active'), 'utf8')).trim();
const versions = async (dir: string) =>
  (await readdir(join(dir, 'walk'))).filter((name) => name !== 'active').sort();

/** A repository in which the moving average of 65 samples is `walk@1`, in force. */
async function averageInForce(): Promise<string> {
  const dir = await temporaryFolder();
  const kernels = [{ taps: new Float64Array(65).fill(1 / 65), bias: 0 }];
  await publish(dir, 'walk', encodeModel(trendModel({ kernels })));
  return dir;
}

test('the first model is promoted, for there is none in force', async () => {
  const dir = await temporaryFolder();
  const outcome = await retrain(gait, '--columns', 'ankle_vert', '--name', 'walk', '--models', dir, '--json');
  expect(outcome.code).toBe(0);
  expect(JSON.parse(outcome.stdout)).toEqual({
    model: { name: 'walk', version: 1, path: join(dir, 'walk/1/model.onnx') },
    promoted: true,
    reason: 'there was no model walk in force.',
    inForce: null,
    comparison: null,
  });
  expect(await active(dir)).toBe('1');
});

test('a better candidate is promoted', async () => {
  const dir = await averageInForce();
  const outcome = await retrain(gait, '--name', 'walk', '--models', dir, '--json');
  expect(outcome.code).toBe(0);
  const found = JSON.parse(outcome.stdout);
  expect(found).toMatchObject({
    model: { version: 2 },
    promoted: true,
    reason: expect.stringMatching(/so it is better\.$/),
    inForce: { name: 'walk', version: 1 },
    comparison: { better: true, blocks: 5 },
  });
  // The candidate is the best kernel for these data: its held-out loss by SciPy.
  const { heldOut } = JSON.parse(await readFile(join(root, 'test/train/fixtures/optimum.json'), 'utf8'));
  expect(found.comparison.candidate / heldOut.learned).toBeCloseTo(1, 5);
  expect(found.comparison.interval[1]).toBeLessThan(0);
  expect(await active(dir)).toBe('2');
});

test('a worse candidate is refused, kept, and why is said', async () => {
  const dir = await temporaryFolder();
  await mkdir(join(dir, 'walk/1'), { recursive: true });
  await copyFile(join(root, 'models/gait/1/model.onnx'), join(dir, 'walk/1/model.onnx'));
  await writeFile(join(dir, 'walk/active'), '1\n');
  const outcome = await retrain(gait, '--family', 'ramp', '--name', 'walk', '--models', dir);
  expect(outcome.code).toBe(0);
  expect(outcome.stdout).toMatch(
    /^not promoted: walk@1 stays in force; the candidate is kept as walk@2\nthe candidate's held-out loss \(mse\) is 0\.1936, that of the model in force 0\.1199; .*so it is worse\.\n$/,
  );
  expect(await active(dir)).toBe('1');
  expect(await versions(dir)).toEqual(['1', '2']);
});

test('failure leaves everything as it was', async () => {
  const dir = await averageInForce();
  const file = join(dir, 'short.csv');
  await writeFile(file, `time,a\n${Array.from({ length: 60 }, (_, n) => `${n},${n % 7}`).join('\n')}\n`);
  for (const [args, code, says] of [
    [[file, '--name', 'walk', '--taps', '5', '--target', 'forecast:1'], 1, /K = 65 is longer/],
    [['missing.csv', '--name', 'walk'], 1, /missing\.csv: cannot be read/],
    [[gait], 2, /expected --name NAME/],
    [[gait, '--name', 'walk', '--holdout', '0'], 2, /share above 0/],
    [[gait, '--nam', 'walk'], 2, /unknown option '--nam'[\s\S]*--name/],
  ] as const) {
    const outcome = await retrain(...args, '--models', dir);
    expect(outcome).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(says) });
    expect(outcome.stderr).not.toMatch(/^\s+at /m);
  }
  expect(await versions(dir)).toEqual(['1']);
  expect(await active(dir)).toBe('1');
});
