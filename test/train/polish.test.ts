import { describe, expect, test } from 'vitest';
import { type Family, rampTaps } from '../../src/dsp/families.ts';
import { normalised, storedTaps } from '../../src/dsp/kernel.ts';
import { bestRamp } from '../../src/train/bestRamp.ts';
import { certificate } from '../../src/train/certificate.ts';
import { lossOf, type QuadraticLoss } from '../../src/train/loss.ts';
import { polish } from '../../src/train/polish.ts';
import { normal, uniform } from './support.ts';

/** Distances from a target to correlated rows: positive semidefinite, of rank `rows`. */
function madeLoss(taps: number, rows: number, seed: number): QuadraticLoss {
  const noise = normal(seed);
  const windows = Array.from({ length: rows }, () => {
    let walk = noise();
    return Array.from({ length: taps }, () => {
      walk += 0.3 * noise();
      return walk + 0.5 * noise();
    });
  });
  const matrix = Float64Array.from({ length: taps * taps }, (_, k) =>
    windows.reduce((total, d) => total + (d[k % taps]! * d[Math.floor(k / taps)]!) / rows, 0),
  );
  return { taps, matrix, divisors: [1] };
}

const uniformTaps = (taps: number) => new Float64Array(taps).fill(1 / taps);

/** A random member of the class; `simplex` in any order, else falling with age. */
function randomMember(family: Family, taps: number, random: () => number): Float64Array {
  const w = normalised(Float64Array.from({ length: taps }, () => random() ** (1 + 20 * random())));
  return family === 'simplex' ? w : w.sort().reverse();
}

describe.each(['boxcars', 'cumulative', 'simplex'] as const)('%s', (family) => {
  test.each([
    [1, 40],
    [2, 40],
    [9, 200],
    [40, 400],
    [129, 400],
    [40, 12],
  ])(
    'K = %d from %d windows: certified to 1e-6 as stored, and no member of the class is better',
    (taps, rows) => {
      const loss = madeLoss(taps, rows, taps + rows);
      const { taps: best } = polish(family, uniformTaps(taps), loss);
      const { gap, relative } = certificate(family, storedTaps(best), loss);
      expect(relative === null ? gap : relative).toBeLessThan(1e-6);
      const random = uniform(taps);
      for (let i = 0; i < 300; i++) {
        // Also near the optimum, where a wrong one would be beaten.
        const near = randomMember(family, taps, random).map((w, j) =>
          i % 2 === 0 ? w : 0.01 * w + 0.99 * best[j]!,
        );
        expect(lossOf(loss, near)).toBeGreaterThanOrEqual(lossOf(loss, best) * (1 - 1e-9));
      }
    },
  );

  test('the gap bounds what any member of the class gains, from any kernel', () => {
    const loss = madeLoss(16, 200, 5);
    const random = uniform(3);
    const members = Array.from({ length: 200 }, () => randomMember(family, 16, random));
    const best = Math.min(
      ...members.map((w) => lossOf(loss, w)),
      lossOf(loss, polish(family, uniformTaps(16), loss).taps),
    );
    for (const w of members) {
      const { gap } = certificate(family, Float32Array.from(w), loss);
      expect(lossOf(loss, w) - best).toBeLessThanOrEqual(gap * (1 + 1e-6) + 1e-6);
    }
  });
});

test('by hand: M = diag(1, 2) has its best kernel at (2, 1)/3 with loss 2/3; at (½, ½) the gap is ½', () => {
  const loss = { taps: 2, matrix: Float64Array.of(1, 0, 0, 2), divisors: [1] };
  const { taps } = polish('boxcars', Float64Array.of(0.5, 0.5), loss);
  expect(taps[0]).toBeCloseTo(2 / 3, 14);
  expect(lossOf(loss, taps)).toBeCloseTo(2 / 3, 14);
  // g = (1, 2): g·w = 3/2, over the moving averages min(1, 3/2) = 1, over the unit vectors 1.
  expect(certificate('boxcars', [0.5, 0.5], loss).gap).toBeCloseTo(0.5, 14);
  expect(certificate('boxcars', [0.5, 0.5], loss).relative).toBeCloseTo(0.5 / 0.75, 14);
});

test('a loss of 0 has no relative gap, and says why', () => {
  const loss = { taps: 2, matrix: Float64Array.of(0, 0, 0, 1), divisors: [1] };
  expect(certificate('boxcars', [1, 0], loss)).toEqual({
    gap: 0,
    relative: null,
    reason: 'the target is reached exactly',
  });
});

test('products that are nothing but rounding, of either sign, end in a kernel', () => {
  const random = uniform(8);
  const matrix = new Float64Array(17 * 17);
  for (let i = 0; i < 17; i++) {
    for (let j = i; j < 17; j++) matrix[17 * i + j] = matrix[17 * j + i] = 1e-13 * (random() - 0.5);
  }
  for (const maxLag of [Infinity, 2]) {
    const { taps } = polish('boxcars', uniformTaps(17), { taps: 17, matrix, divisors: [1] }, maxLag);
    expect(taps.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
  }
});

describe('ramp', () => {
  test('no time constant of a dense scan is better', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const loss = madeLoss(33, 100, seed);
      const best = lossOf(loss, bestRamp(loss).taps);
      for (let log = -4; log < 12; log += 0.003) {
        expect(lossOf(loss, rampTaps(33, Math.exp(-log)))).toBeGreaterThanOrEqual(best * (1 - 1e-9));
      }
    }
  });

  // M = I is the noise gain, which the moving average makes smallest; M = E[x x'] of a target far from every sample
  // but the newest makes that the best.
  test.each([
    ['the moving average', (i: number, j: number) => (i === j ? 1 : 0), Infinity],
    ['the newest sample alone', (i: number, j: number) => (i + 1) * (j + 1), 0],
  ])('%s is one of its limits', (_name, entry, timeConstant) => {
    const loss = {
      taps: 5,
      matrix: Float64Array.from({ length: 25 }, (_, k) => entry(Math.floor(k / 5), k % 5)),
      divisors: [1],
    };
    expect(bestRamp(loss).timeConstant).toBe(timeConstant);
  });
});
