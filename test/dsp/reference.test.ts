import { expect, test } from 'vitest';
import { rampTaps } from '../../src/dsp/families.ts';
import { referenceTrend } from '../../src/dsp/reference.ts';

const average = { taps: new Float64Array([1 / 3, 1 / 3, 1 / 3]), bias: 0 };

test('warm-up is the weighted mean of what is there', () => {
  const { trend, coverage } = referenceTrend([3, 9, 6, 0], average);
  expect([...trend].map((v) => Math.round(v * 1e12) / 1e12)).toEqual([3, 6, 6, 5]);
  expect([...coverage]).toEqual([1 / 3, 2 / 3, 1, 1]);
});

test('a missing sample lowers coverage for K outputs and the trend stays in the range of the rest', () => {
  const x = [1, 1, 1, Number.NaN, 1, 1, Number.POSITIVE_INFINITY, 1e39, 1];
  const { trend, coverage } = referenceTrend(x, average);
  expect([...trend].every((v) => Number.isNaN(v) || Math.abs(v - 1) < 1e-15)).toBe(true);
  expect([...coverage].map((v) => Math.round(v * 3))).toEqual([1, 2, 3, 2, 2, 2, 2, 1, 1]);
});

test('below minCoverage there is no trend, never a guess', () => {
  const { trend } = referenceTrend([Number.NaN, 5], average);
  expect(trend[0]).toBeNaN();
  expect(trend[1]).toBe(5);
  expect(referenceTrend([5, 5, 5], average, 0.9).trend[1]).toBeNaN();
});

test('a bias is added outside the mean, also in warm-up', () => {
  const { trend } = referenceTrend([4, 4, 4, 4], { taps: rampTaps(3, 0.7), bias: 0.5 });
  for (const value of trend) expect(value).toBeCloseTo(4.5, 14);
});
