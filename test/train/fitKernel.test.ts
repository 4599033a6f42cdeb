import { beforeAll, describe, expect, test } from 'vitest';
import type { Family } from '../../src/dsp/families.ts';
import { type Backend, loadBackend } from '../../src/train/backend.ts';
import type { GradientFunction } from '../../src/train/fit.ts';
import { fitKernel } from '../../src/train/fitKernel.ts';
import { lossOf, type QuadraticLoss, trainingLoss } from '../../src/train/loss.ts';
import { polish } from '../../src/train/polish.ts';
import { splitWindows } from '../../src/train/split.ts';
import { noisyWalk, recordingOf } from './support.ts';

const taps = 33;
let backend: Backend;
let loss: QuadraticLoss;
beforeAll(async () => {
  backend = await loadBackend();
  const split = splitWindows([recordingOf(noisyWalk(4000, 0.2, 7))], { kind: 'smooth', period: 16 }, taps, 0);
  loss = trainingLoss(split.train, taps);
});

test('the backend is named, and native where its addon is there', () => {
  expect(backend.name).toBe(backend.native ? 'tensorflow' : 'cpu');
  expect(backend.version).toMatch(/^4\./);
  expect(backend.warnings).toHaveLength(backend.native ? 0 : 1);
});

/** How far above the best of the family the TensorFlow steps alone came. */
function excess(family: Family, fitted: Float64Array): number {
  const best = lossOf(loss, polish(family, fitted, loss).taps);
  return lossOf(loss, fitted) / best - 1;
}

describe.each(['ramp', 'boxcars', 'cumulative', 'simplex'] as const)('%s', (family) => {
  test('the loss falls in every step, to within 1 % of the best, by TensorFlow alone', async () => {
    const { trajectory, taps: fitted, moved } = await fitKernel(backend, family, loss);
    trajectory.slice(1).forEach((value, i) => {
      expect(value).toBeLessThan(trajectory[i]!);
    });
    expect(trajectory.at(-1)).toBeCloseTo(lossOf(loss, fitted), 5);
    expect(excess(family, fitted)).toBeLessThan(0.01);
    expect(moved).toBeGreaterThan(0.01);
  });

  test('twice the same', async () => {
    const [a, b] = [await fitKernel(backend, family, loss), await fitKernel(backend, family, loss)];
    expect(b).toEqual(a);
  });
});

describe('with a wrong gradient the loss does not fall as it should', () => {
  const wrong = (change: (g: Float32Array) => Float32Array): GradientFunction => {
    return (tf, lossFunction, parameters) => {
      const { value, grads } = tf.variableGrads(lossFunction, [parameters]);
      const g = grads[parameters.name]!.dataSync() as Float32Array;
      return { value, gradient: tf.tensor1d(change(g)) };
    };
  };
  test.each([
    ['zero', 'boxcars', (g: Float32Array) => g.map(() => 0)],
    ['negated', 'boxcars', (g: Float32Array) => g.map((v) => -v)],
    ['permuted', 'boxcars', (g: Float32Array) => g.toReversed()],
    ['zero', 'ramp', (g: Float32Array) => g.map(() => 0)],
    ['negated', 'ramp', (g: Float32Array) => g.map((v) => -v)],
  ] as const)('%s, %s', async (_name, family, change) => {
    const right = await fitKernel(backend, family, loss);
    const { trajectory, taps: fitted } = await fitKernel(backend, family, loss, { gradient: wrong(change) });
    expect(excess(family, fitted)).toBeGreaterThan(0.05);
    const fall = (losses: readonly number[]) => losses[0]! - losses.at(-1)!;
    expect(fall(trajectory)).toBeLessThan(0.5 * fall(right.trajectory));
  });
});

test('the kernel is recomputed from the parameters in every step', async () => {
  const kernels: number[][] = [];
  await fitKernel(backend, 'boxcars', loss, {
    steps: 5,
    gradient: (tf, lossFunction, parameters) => {
      const { value, grads } = tf.variableGrads(lossFunction, [parameters]);
      kernels.push([value.dataSync()[0]!, ...parameters.dataSync()]);
      return { value, gradient: grads[parameters.name]! };
    },
  });
  expect(new Set(kernels.map(([value]) => value)).size).toBe(kernels.length);
});

test('progress is told in every step, and a signal ends it', async () => {
  const steps: number[] = [];
  const controller = new AbortController();
  const fitting = fitKernel(backend, 'boxcars', loss, {
    signal: controller.signal,
    onProgress: ({ step, loss: value }) => {
      expect(value).toBeGreaterThan(0);
      steps.push(step);
      if (step === 3) controller.abort(new Error('enough'));
    },
  });
  await expect(fitting).rejects.toThrow('enough');
  expect(steps).toEqual([1, 2, 3]);
});

test('no tensor is left behind', async () => {
  const before = backend.tf.memory().numTensors;
  await fitKernel(backend, 'simplex', loss, { steps: 3 });
  expect(backend.tf.memory().numTensors).toBe(before);
});

test('where the addon does not load, JavaScript takes over with a warning and the same result', async () => {
  const native = await fitKernel(backend, 'ramp', loss);
  const fallback = await loadBackend(() => {
    throw new Error('tfjs_binding.node: no such file\nand more');
  });
  expect(fallback).toMatchObject({ name: 'cpu', native: false });
  expect(fallback.warnings[0]).toMatch(/did not load \(tfjs_binding.node: no such file\)/);
  const { taps: fitted } = await fitKernel(fallback, 'ramp', loss);
  expect(lossOf(loss, fitted)).toBeCloseTo(lossOf(loss, native.taps), 5);
});
