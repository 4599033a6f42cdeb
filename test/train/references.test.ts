import { describe, expect, test } from 'vitest';
import { normalised } from '../../src/dsp/kernel.ts';
import type { Recording } from '../../src/train/recording.ts';
import { columnsFor, withReferences } from '../../src/train/references.ts';
import { parseTarget } from '../../src/train/targets.ts';
import { trainKernel } from '../../src/train/train.ts';
import { noisyWalk, recordingOf } from './support.ts';

const x = noisyWalk(900, 0.2, 5);
const z = noisyWalk(900, 0.5, 6);

/** The trend of the kernel (½, ⅓, ⅙) with a level of `bias`; the first two samples have none. */
const trendOf = (samples: Float64Array, bias = 0) =>
  samples.map(
    (value, n) => value / 2 + (samples[n - 1] ?? Number.NaN) / 3 + (samples[n - 2] ?? 0) / 6 + bias,
  );
const made = (...columns: Float64Array[]): Recording => recordingOf(...columns);
const options = { taps: 5, holdout: 0 };

test('column:NAME: the kernel that made the column is found, exactly', async () => {
  const { kernels, channels, loss, certificate, windows } = await trainKernel([made(x, trendOf(x))], {
    ...options,
    target: 'column:c1',
  });
  expect(channels).toEqual(['c0']);
  normalised(kernels[0].taps).forEach((tap, j) => {
    expect(tap).toBeCloseTo([1 / 2, 1 / 3, 1 / 6, 0, 0][j]!, 6);
  });
  expect(certificate.reason).toBe('the target is reached exactly');
  expect(windows.used).toBe(896);
  // Divided by the variance of the target.
  const y = trendOf(x).subarray(4);
  const mean = y.reduce((a, b) => a + b) / y.length;
  const variance = y.reduce((total, v) => total + (v - mean) ** 2, 0) / y.length;
  const newest = y.reduce((total, v, n) => total + (x[n + 4]! - v) ** 2, 0) / y.length;
  expect(loss.train.newest).toBeCloseTo(newest / variance, 10);
});

test('column:A=REF_A,B=REF_B: each channel has its own, here with a level that a bias takes up', async () => {
  const recording = made(z, x, trendOf(x, 7), trendOf(z, -3));
  const { kernels } = await trainKernel([recording], {
    ...options,
    target: 'column:c1=c2,c0=c3',
    bias: true,
  });
  expect(kernels.map(({ channel }) => channel)).toEqual(['c1', 'c0']);
  expect(kernels.map(({ bias }) => bias)).toEqual([expect.closeTo(7, 5), expect.closeTo(-3, 5)]);
  expect(normalised(kernels[0].taps)[1]).toBeCloseTo(1 / 3, 6);
});

test('the own column as the target: the newest sample alone, and what to choose instead', async () => {
  for (const family of ['ramp', 'boxcars']) {
    const result = await trainKernel([made(x)], { ...options, family, target: 'column:c0=c0' });
    expect(result.kernels[0].taps[0]).toBe(1);
    expect(result.certificate.relative).toBeNull();
    expect(result.verdict).toMatch(/^Nothing is to be gained here: .*target column.*smooth:PERIOD/);
  }
});

describe('columns', () => {
  test('the level of the channel is taken off its target', () => {
    const moved = { ...made(x, z), offsets: [10, 4] };
    const [{ channels, references }] = withReferences([moved], parseTarget('column:c1', 1)) as [
      ReturnType<typeof withReferences>[number],
    ];
    expect(channels).toEqual(['c0']);
    // z as read is 4 below the file, and is to be 10 below it.
    expect(references![0]!.read(3, 4)[0]).toBeCloseTo(z[3]! - 6, 12);
  });

  test('those that are read', () => {
    const of = (text: string, columns?: string[]) => columnsFor(parseTarget(text, 1), columns);
    expect(of('forecast:1')).toBeUndefined();
    expect(of('column:c')).toBeUndefined();
    expect(of('column:c', ['a', 'b'])).toEqual(['a', 'b', 'c']);
    expect(of('column:a=c,b=d')).toEqual(['a', 'b', 'c', 'd']);
    expect(of('column:a=a')).toEqual(['a']);
  });

  test('one that is not there is named, and so is a target that does not vary', async () => {
    await expect(trainKernel([made(x)], { ...options, target: 'column:z' })).rejects.toMatchObject({
      code: 'target',
      message: expect.stringMatching(/called "z" in made.csv, got c0/),
    });
    const still = new Float64Array(900).fill(1);
    await expect(trainKernel([made(x, still)], { ...options, target: 'column:c1' })).rejects.toMatchObject({
      code: 'nothingToLearn',
      message: expect.stringContaining('target column'),
    });
  });
});
