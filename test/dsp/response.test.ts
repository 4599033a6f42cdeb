import { describe, expect, test } from 'vitest';
import { frequencyResponse, stepResponse } from '../../src/dsp/response.ts';

const frequencies = [0.001, 0.013, 0.07, 0.111, 0.23, 0.31, 0.487];

describe('a moving average of M samples', () => {
  test.each([1, 2, 5, 9, 64])('M = %d: |sin(πfM)/(M sin(πf))|, delay (M-1)/2', (length) => {
    const taps = new Float64Array(length).fill(1 / length);
    for (const f of frequencies) {
      const { magnitude, decibels, groupDelay } = frequencyResponse(taps, f);
      const exact = Math.abs(Math.sin(Math.PI * f * length) / (length * Math.sin(Math.PI * f)));
      expect(magnitude).toBeCloseTo(exact, 12);
      expect(10 ** (decibels / 20)).toBeCloseTo(exact, 12);
      expect(groupDelay).toBeCloseTo((length - 1) / 2, 8);
    }
  });

  test('where nothing passes there is no delay', () => {
    expect(frequencyResponse(new Float64Array(8).fill(1 / 8), 0.25).groupDelay).toBeNull();
  });
});

test.each([0.1, 0.3, 0.9])('an exponential average, a = %d: a/(1 - r·z), r = 1 - a', (a) => {
  const r = 1 - a;
  const taps = Float64Array.from({ length: 600 }, (_, j) => a * r ** j);
  for (const f of [0, ...frequencies]) {
    const omega = 2 * Math.PI * f;
    const square = 1 - 2 * r * Math.cos(omega) + r * r;
    const { magnitude, groupDelay } = frequencyResponse(taps, f);
    expect(magnitude).toBeCloseTo(a / Math.sqrt(square), 12);
    expect(groupDelay).toBeCloseTo((r * Math.cos(omega) - r * r) / square, 10);
  }
});

test('a delay of 3 samples: all passes, three samples late; at frequency 0 a lag', () => {
  expect(frequencyResponse([0, 0, 0, 1], 0.2)).toMatchObject({
    magnitude: expect.closeTo(1, 12),
    groupDelay: expect.closeTo(3, 12),
  });
  expect(frequencyResponse([0.5, 0.25, 0.25], 0)).toEqual({
    frequency: 0,
    magnitude: 1,
    decibels: 0,
    groupDelay: 0.75,
  });
});

test('a step response is the running sum: the moving average climbs in equal steps', () => {
  expect([...stepResponse([0.25, 0.25, 0.25, 0.25])]).toEqual([0.25, 0.5, 0.75, 1]);
  const exponential = stepResponse(Float64Array.from({ length: 40 }, (_, j) => 0.2 * 0.8 ** j));
  exponential.forEach((value, n) => {
    expect(value).toBeCloseTo(1 - 0.8 ** (n + 1), 12);
  });
});
