import { beforeAll, describe, expect, test } from 'vitest';
import { mixtureTaps } from '../../src/dsp/families.ts';
import { normalised, reversed } from '../../src/dsp/kernel.ts';
import { type Backend, loadBackend } from '../../src/train/backend.ts';
import { fitKernel } from '../../src/train/fitKernel.ts';
import { lossOf, type QuadraticLoss, shortened, trainingLoss } from '../../src/train/loss.ts';
import { polish } from '../../src/train/polish.ts';
import { resized } from '../../src/train/resized.ts';
import { splitWindows } from '../../src/train/split.ts';
import { noisyWalk, recordingOf } from './support.ts';

/** Windows of 65 samples, for every length. */
let backend: Backend;
let loss: QuadraticLoss;
beforeAll(async () => {
  backend = await loadBackend();
  const split = splitWindows([recordingOf(noisyWalk(4000, 0.2, 7))], { kind: 'smooth', period: 16 }, 65, 0);
  loss = trainingLoss(split.train, 65);
});

/** The kernels by their definitions in the design, newest first. */
const kernels = {
  boxcars: (u: Float32Array) => mixtureTaps(normalised(u)),
  cumulative: (increments: Float32Array) =>
    normalised(reversed(increments.map((_, i) => increments.subarray(0, i + 1).reduce((a, b) => a + b)))),
  simplex: (weights: Float32Array) => normalised(reversed(weights)),
};
const on = (w: Float64Array) => lossOf(shortened(loss, w.length), w);

/** Something learned in 33 taps, as parameters of each family. */
async function learned(family: keyof typeof kernels): Promise<Float32Array> {
  const { taps } = await fitKernel(backend, family, shortened(loss, 33));
  if (family === 'simplex') return Float32Array.from(reversed(taps));
  const steps = taps.map((w, j) => w - (taps[j + 1] ?? 0));
  return Float32Array.from(
    family === 'boxcars' ? steps.map((step, j) => step * (j + 1)) : reversed(steps),
    (value) => Math.max(value, 1e-30),
  );
}

describe.each(['boxcars', 'cumulative', 'simplex'] as const)('%s', (family) => {
  test('growing: the same ages, 1e-3 of the mass for what is new, the loss within 1e-3 on the same windows', async () => {
    const before = await learned(family);
    const after = resized(family, before, 65);
    const [short, long] = [kernels[family](before), kernels[family](after)];
    expect(long).toHaveLength(65);
    expect(Math.abs(on(long) - on(short))).toBeLessThan(1e-3);
    short.forEach((w, j) => {
      expect(Math.abs(long[j]! - w)).toBeLessThan(1.1e-3);
    });
    const old = long.subarray(33).reduce((a, b) => a + b);
    expect(old).toBeGreaterThan(1e-4);
    expect(old).toBeLessThan(1.001e-3);
  });

  test('shrinking: the cut kernel divided by its sum, the loss equal to 1e-6', async () => {
    const before = await learned(family);
    const cut = normalised(kernels[family](before).subarray(0, 12));
    const after = kernels[family](resized(family, before, 12));
    expect(after).toHaveLength(12);
    expect(Math.abs(on(after) / on(cut) - 1)).toBeLessThan(1e-6);
  });

  test('trained at 9, then 33, then 65 taps: within 1 % of the best, the loss falling but for a change of length', async () => {
    const { taps, trajectory } = await fitKernel(backend, family, loss, { lengths: [9, 33] });
    expect(taps).toHaveLength(65);
    expect(on(taps) / on(polish(family, taps, loss).taps) - 1).toBeLessThan(0.01);
    const rises = trajectory.slice(1).filter((value, i) => value > trajectory[i]!);
    expect(rises.length).toBeLessThanOrEqual(2);
  });
});

test('a ramp is the same function of age at any length', async () => {
  const logTau = Float32Array.of(Math.log(3));
  expect(resized('ramp', logTau, 129)).toEqual(logTau);
  const { taps } = await fitKernel(backend, 'ramp', loss, { lengths: [17] });
  expect(on(taps) / on(polish('ramp', taps, loss).taps) - 1).toBeLessThan(0.01);
});

test('no tensor is left behind by a change of length', async () => {
  const before = backend.tf.memory().numTensors;
  await fitKernel(backend, 'boxcars', loss, { lengths: [9, 40, 20], steps: 3 });
  expect(backend.tf.memory().numTensors).toBe(before);
});
