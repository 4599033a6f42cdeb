import { expect, test } from 'vitest';
import { guarantees } from '../../../src/dsp/guarantees.ts';
import { normalised } from '../../../src/dsp/kernel.ts';
import {
  averageCurves,
  boundAt,
  exponentialAverage,
  linearAverage,
  movingAverage,
} from '../../../src/train/report/averages.ts';

function measured(taps: Float64Array): readonly number[] {
  const { lag, noiseGain } = guarantees({ taps: normalised(taps), bias: 0 });
  return [expect.closeTo(lag, 10), expect.closeTo(noiseGain, 10)];
}

test.each([1, 2, 7, 100])('formulas are those of the taps, length %d', (length) => {
  expect(movingAverage(length)).toEqual(measured(new Float64Array(length).fill(1)));
  expect(linearAverage(length)).toEqual(measured(Float64Array.from({ length }, (_, j) => length - j)));
  const a = 1 / length;
  expect(exponentialAverage(a)).toEqual(
    measured(Float64Array.from({ length: 4000 }, (_, j) => a * (1 - a) ** j)),
  );
});

test('all lie above the bound, the linear ones near it', () => {
  const { moving, exponential, linear, bound } = averageCurves(0.1, 1000);
  for (const [lag, gain] of [...moving, ...exponential, ...linear]) {
    expect(gain).toBeGreaterThan(boundAt(lag));
  }
  for (const [lag, gain] of bound) expect(gain * (lag + 0.5)).toBeCloseTo(4 / 9, 12);
  const [lag, gain] = linear.at(-1)!;
  expect(gain / boundAt(lag)).toBeLessThan(1.0001);
});
