import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, test } from 'vitest';
import { withReferences } from '../../src/train/references.ts';
import { splitWindows } from '../../src/train/split.ts';
import { moments } from '../../src/train/statistics.ts';
import { parseTarget } from '../../src/train/targets.ts';
import { type TrainOptions, type TrainResult, trainKernel } from '../../src/train/train.ts';
import { pythonPath, whyNoPython } from '../support/python.ts';
import { noisyWalk, normal, recordingOf } from './support.ts';

const python = pythonPath();
const skipped = python === undefined ? ` [skipped: ${whyNoPython()}]` : '';

/** The errors are about 0.3; a float32 here has a last digit of ⅛. */
const level = 2 ** 20;
const x = noisyWalk(3000, 0.05, 21);
const noise = normal(22);
const y = x.map((v, n) => (v + (x[n - 1] ?? v) + (x[n - 2] ?? v)) / 3 + 0.3 * noise());
const plain = recordingOf(x, y);
const shifted = recordingOf(
  x,
  y.map((v) => v - level),
);
const options: TrainOptions = { target: 'column:c1', taps: 9, bias: true, holdout: 0.2 };

describe.each(['mse', 'huber:0.5', 'quantile:0.8'])('%s: a bias far above the residual', (loss) => {
  let one: TrainResult;
  let other: TrainResult;
  beforeAll(async () => {
    one = await trainKernel([plain], { ...options, loss });
    other = await trainKernel([shifted], { ...options, loss });
  });

  test('the kernel is that of the recording without it', () => {
    expect(one.certificate.relative).toBeLessThan(loss === 'mse' ? 1e-6 : 1e-5);
    const digits = loss === 'mse' ? 6 : 4;
    other.kernels[0].taps.forEach((tap, j) => {
      expect(tap).toBeCloseTo(one.kernels[0].taps[j]!, digits);
    });
    // A file holds biases as float32.
    expect(Math.abs(other.kernels[0].bias + level - one.kernels[0].bias)).toBeLessThanOrEqual(2 ** -4);
  });

  test('so are the losses, but for what rounding the bias costs, which the certificate counts', () => {
    const cost = (other.loss.train.learned - one.loss.train.learned) / one.loss.train.learned;
    expect(cost).toBeGreaterThanOrEqual(-1e-9);
    expect(cost).toBeLessThanOrEqual(other.certificate.relative! * 1.01 + 1e-9);
    for (const name of ['sma', 'ema', 'ramp', 'free'] as const) {
      expect(other.loss.train[name] / one.loss.train[name]).toBeCloseTo(1, 9);
      expect(other.loss.heldOut![name] / one.loss.heldOut![name]).toBeCloseTo(1, 9);
    }
    expect(other.tuned[0]!.ema / one.tuned[0]!.ema).toBeCloseTo(1, 3);
  });
});

test.skipIf(python === undefined)(`the moments are those of NumPy in float64${skipped}`, () => {
  const taps = 9;
  const target = parseTarget('column:c1', 1);
  const [windows] = splitWindows(withReferences([shifted], target), target, taps, 0).train;
  const read = (column: number) => JSON.stringify(Array.from(shifted.values[column]!));
  const { stdout, stderr } = spawnSync(
    python!,
    [
      '-c',
      `
import json, math, sys
import numpy as np
x, y, k = (np.array(json.loads(sys.stdin.readline())) for _ in range(3))
k = int(k)
d = np.lib.stride_tricks.sliding_window_view(x, k)[:, ::-1] - y[k - 1 :, None]
print(json.dumps([np.cov(d.T, bias=True).ravel().tolist(), [math.fsum(row) / len(row) for row in d.T]]))
`,
    ],
    { input: `${read(0)}\n${read(1)}\n${taps}\n`, encoding: 'utf8' },
  );
  expect(stderr).toBe('');
  const [covariance, mean] = JSON.parse(stdout) as [number[], number[]];
  const own = moments(windows!, taps, level);
  covariance.forEach((value, k) => {
    const [i, j] = [Math.floor(k / taps), k % taps];
    expect(Math.abs(own.matrix[k]! - own.mean[i]! * own.mean[j]! - value)).toBeLessThan(1e-9);
  });
  mean.forEach((value, j) => {
    expect(Math.abs(own.centre + own.mean[j]! - value)).toBeLessThan(1e-9);
  });
});
