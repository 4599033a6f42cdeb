import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  boxcarsTaps,
  cumulativeTaps,
  familyTaps,
  mixtureTaps,
  mixtureWeights,
  rampTaps,
  simplexTaps,
} from '../../src/dsp/families.ts';
import { guarantees } from '../../src/dsp/guarantees.ts';
import { storedTaps, sum } from '../../src/dsp/kernel.ts';

const theta = fc.array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: 1, maxLength: 200 });

describe('the class: non-increasing, positive, unit sum', () => {
  test.each([
    ['cumulative', cumulativeTaps],
    ['boxcars', boxcarsTaps],
  ] as const)('%s lies in it for any parameters', (_name, tapsOf) => {
    fc.assert(
      fc.property(theta, (parameters) => {
        const taps = tapsOf(parameters);
        expect(Math.abs(sum(taps) - 1)).toBeLessThan(1e-13);
        for (let j = 1; j < taps.length; j++) expect(taps[j]!).toBeLessThanOrEqual(taps[j - 1]!);
        expect(taps.at(-1)!).toBeGreaterThan(0);
      }),
    );
  });

  test('stored float32 taps keep order and are positive and normal, also where a ramp underflows', () => {
    const taps = storedTaps(rampTaps(257, 1 / 0.3));
    expect(rampTaps(257, 1 / 0.3).some((w) => Math.fround(w) === 0)).toBe(true);
    for (let j = 1; j < taps.length; j++) expect(taps[j]!).toBeLessThanOrEqual(taps[j - 1]!);
    expect(Math.min(...taps)).toBeGreaterThanOrEqual(2 ** -126);
    expect(Math.abs(sum(taps) - 1)).toBeLessThan(2 ** -20);
  });
});

test('ramp: neighbouring taps fall by exp(-α), and β drops out', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 2, noNaN: true }),
      fc.double({ min: -50, max: 50, noNaN: true }),
      fc.integer({ min: 2, max: 129 }),
      (alpha, beta, length) => {
        const taps = rampTaps(length, alpha, beta);
        expect(taps[1]! / taps[0]!).toBeCloseTo(Math.exp(-alpha), 10);
        rampTaps(length, alpha).forEach((w, j) => {
          expect(Math.abs(w - taps[j]!)).toBeLessThan(1e-12);
        });
      },
    ),
  );
});

test('a large α does not overflow', () => {
  expect(rampTaps(513, 1e4)[0]).toBe(1);
  expect(cumulativeTaps([800, 900]).every(Number.isFinite)).toBe(true);
});

test('boxcars with all weight on length m is the moving average of length m', () => {
  const weights = [0, 0, 1, 0, 0];
  expect([...mixtureTaps(weights)]).toEqual([1 / 3, 1 / 3, 1 / 3, 0, 0]);
  expect([...mixtureWeights([1 / 3, 1 / 3, 1 / 3, 0, 0])]).toEqual(weights);
});

test('mixture weights and taps are inverse to one another', () => {
  fc.assert(
    fc.property(theta, (parameters) => {
      const taps = boxcarsTaps(parameters);
      mixtureTaps(mixtureWeights(taps)).forEach((w, j) => {
        expect(Math.abs(w - taps[j]!)).toBeLessThan(1e-14);
      });
    }),
  );
});

test('cumulative and boxcars describe the same set: one finds the other', () => {
  const taps = cumulativeTaps([0.3, -1, 2, 0.1]);
  const weights = mixtureWeights(taps);
  expect(weights.every((u) => u > 0)).toBe(true);
  expect(sum(weights)).toBeCloseTo(1, 14);
  boxcarsTaps(weights.map(Math.log)).forEach((w, j) => {
    expect(w).toBeCloseTo(taps[j]!, 14);
  });
});

describe('guarantees', () => {
  test('moving average of length m: lag (m-1)/2, noise gain 1/m', () => {
    const g = guarantees({ taps: Float64Array.from({ length: 8 }, () => 1 / 8), bias: 0 });
    expect(g).toMatchObject({ lag: 3.5, noiseGain: 1 / 8, dcGain: 1, noOvershoot: true, lost: [] });
  });

  test('every kernel of the class obeys noise gain × (lag + ½) > 4/9', () => {
    fc.assert(
      fc.property(theta, (parameters) => {
        const { noiseGain, lag } = guarantees({ taps: boxcarsTaps(parameters), bias: 0 });
        expect(noiseGain * (lag + 0.5)).toBeGreaterThan(4 / 9);
      }),
    );
  });

  test('what leaves the class is told: negative α, a bias, simplex', () => {
    expect(guarantees({ taps: rampTaps(5, -0.3), bias: 0 }).lost.join()).toMatch(/older sample weighs more/);
    expect(guarantees({ taps: rampTaps(5, 0.3), bias: 2 }).lost.join()).toMatch(/bias of 2/);
    expect(guarantees({ taps: simplexTaps([3, 0, 0]), bias: 0 }).concaveStepResponse).toBe(false);
    expect(guarantees({ taps: cumulativeTaps([1, 1], { normalise: false }), bias: 0 }).unitGain).toBe(false);
    expect(guarantees({ taps: new Float64Array([1.5, -0.5]), bias: 0 }).noOvershoot).toBe(false);
  });
});

test('familyTaps names what it expected', () => {
  expect(() => familyTaps('boxcars', 3, [1, 2])).toThrow(/boxcars with 3 taps takes 3 numbers, got 2/);
  expect(() => familyTaps('ramp', 3, [Number.NaN])).toThrow(/finite/);
  expect([...familyTaps('ramp', 3, [0])]).toEqual([1 / 3, 1 / 3, 1 / 3]);
});
