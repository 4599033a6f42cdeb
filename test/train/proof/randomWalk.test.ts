import { describe, expect, test } from 'vitest';
import { rampTaps } from '../../../src/dsp/families.ts';
import { excessOf, kalmanError, levelError, samples, samplingCost, steps } from './randomWalk.ts';

// The figures of the design.
test.each([
  [0.01, 0.09512],
  [0.1, 0.27016],
  [1, 0.61803],
])('q = %d: the formula gives the Kalman filter its error, %d', (q, error) => {
  expect(kalmanError(q)).toBeCloseTo(error, 5);
  // Its steady state is an exponential average with this gain: a ramp long enough is all but that.
  expect(levelError(rampTaps(2000, -Math.log(1 - kalmanError(q))), q)).toBeCloseTo(kalmanError(q), 10);
});

/** Fixed before the first run: nobody picks. */
const seeds = Array.from({ length: 10 }, (_, i) => i + 1);

/**
 * 20,000 samples do not tell the best gain better than to a cost of 0.058 % of χ² with one degree of freedom at q = 0.01
 * (see samplingCost): 6 seeds in 100 must miss 0.2 %, whoever estimates. Of these ten one does.
 */
const misses = ['q = 0.01, seed 2'];

describe.each(steps)('q = %d, 20,000 samples, K = 64, ten seeds', (q) => {
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

  test('ramp: within 0.2 % of the Kalman filter, as far as the samples can tell', async () => {
    const excess: number[] = [];
    for (const seed of seeds) excess.push(await excessOf('ramp', q, seed));
    expect(mean(excess)).toBeLessThan(0.002);
    const missed = seeds.filter((_, i) => excess[i]! > 0.002).map((seed) => `q = ${q}, seed ${seed}`);
    expect(missed).toEqual(misses.filter((name) => name.startsWith(`q = ${q},`)));
    // Of χ² with ten degrees of freedom 29.6 is exceeded in one case in a thousand.
    expect(mean(excess) * seeds.length).toBeLessThan(29.6 * samplingCost(q, samples) + 0.0002);
  });

  test('boxcars: within 1.2 %', async () => {
    for (const seed of seeds) {
      const excess = await excessOf('boxcars', q, seed);
      expect(excess).toBeLessThan(0.012);
      // Nothing is better than the best.
      expect(excess).toBeGreaterThan(0);
    }
  });
});
