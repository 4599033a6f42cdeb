import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { cumulativeTaps, rampTaps, simplexTaps } from '../../src/dsp/families.ts';
import { reversed } from '../../src/dsp/kernel.ts';
import { referenceTrend } from '../../src/dsp/reference.ts';

/** Kernels (oldest first), inputs [batch][channel][time] and valid convolutions that PyTorch computed in float64. */
interface GoldenCase {
  family: 'ramp' | 'cumulative' | 'simplex';
  k: number;
  alpha: number;
  beta: number;
  bias?: number;
  normalised?: boolean;
  parameters: number[];
  kernel: number[];
  x: number[][][];
  y: number[][][];
}

const golden = JSON.parse(readFileSync(new URL('../golden/kernels.json', import.meta.url), 'utf8')) as {
  cases: GoldenCase[];
};

function tapsOf(c: GoldenCase): Float64Array {
  if (c.family === 'ramp') return rampTaps(c.k, c.alpha, c.beta);
  if (c.family === 'simplex') return simplexTaps(c.parameters);
  return cumulativeTaps(c.parameters, { normalise: c.normalised === true });
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a, (v, i) => Math.abs(v - b[i]!)).reduce((x, y) => Math.max(x, y), 0);
}

test('the golden file holds all 27 cases', () => {
  expect(golden.cases).toHaveLength(27);
});

describe.each(golden.cases.map((c, i) => [i, c.family, c.k, c] as const))(
  'golden %i: %s, K = %i',
  (_i, _f, k, c) => {
    const taps = tapsOf(c);

    test('kernel agrees with PyTorch to 1e-12', () => {
      expect(largestDifference(reversed(taps), c.kernel)).toBeLessThan(1e-12);
    });

    test('output agrees with PyTorch to 1e-12', () => {
      c.x.forEach((channels, n) => {
        channels.forEach((x, channel) => {
          const { trend } = referenceTrend(x, { taps, bias: c.bias ?? 0 });
          expect(largestDifference(trend.subarray(k - 1), c.y[n]![channel]!)).toBeLessThan(1e-12);
        });
      });
    });
  },
);
