import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { smooth } from '../../src/train/smoother.ts';

/** Made by fixtures/make.py: elimination in 80-digit decimals; z holds each `every`-th value. */
const cases = JSON.parse(readFileSync(new URL('fixtures/smoother.json', import.meta.url), 'utf8')) as {
  period: number;
  x: (number | null)[];
  every: number;
  z: number[];
}[];

test.each(cases.map((c) => [c.period, c.x.length, c] as const))(
  'period %d over %d samples agrees with 80-digit arithmetic',
  (period, _n, { x, every, z }) => {
    const smoothed = smooth(
      Float64Array.from(x, (value) => value ?? Number.NaN),
      period,
    );
    z.forEach((expected, i) => {
      expect(Math.abs(smoothed[i * every]! - expected)).toBeLessThan(2e-9);
    });
  },
);

describe('closed forms', () => {
  test.each([3, 8, 32, 100])('in the interior, the gain on a wave of period %d is ½', (period) => {
    const n = 40 * period;
    const wave = Float64Array.from({ length: n }, (_, i) => Math.cos((2 * Math.PI * i) / period));
    const smoothed = smooth(wave, period);
    for (let i = 15 * period; i < 25 * period; i++) expect(smoothed[i]).toBeCloseTo(wave[i]! / 2, 9);
  });

  test.each([4, 50, 3000])(
    'a straight line goes through unchanged, also across a hole (period %d)',
    (period) => {
      const line = Float64Array.from({ length: 3 * period }, (_, i) => 1e5 - 0.25 * i);
      const broken = line.map((value, i) => (i > 4 && i < 6 ? Number.NaN : value));
      smooth(broken, period).forEach((z, i) => {
        expect(Math.abs(z - line[i]!)).toBeLessThan(1e-6);
      });
    },
  );
});
