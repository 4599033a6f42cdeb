import { referenceTrend } from '../../src/dsp/reference.ts';
import type { FilterKernel } from '../../src/filter/trendFilter.ts';
import type { Trends } from './streaming.ts';

const unit = 2 ** -24;

/**
 * Holds one channel against the definition in float64, to (K+2)·2^-24 of the largest |x| in each window.
 *
 * @returns how many windows had a sample missing
 */
export function mustBeNearReference(
  x: Float32Array,
  { taps, bias }: FilterKernel,
  minCoverage: number,
  { trend, coverage }: Trends,
): number {
  const bound = (taps.length + 2) * unit;
  const reference = referenceTrend(x, { taps: Float64Array.from(taps), bias }, minCoverage);
  let masked = 0;
  for (let n = 0; n < x.length; n++) {
    let largest = 0;
    let whole = n + 1 >= taps.length;
    for (let i = Math.max(0, n - taps.length + 1); i <= n; i++) {
      if (Number.isFinite(x[i])) largest = Math.max(largest, Math.abs(x[i]!));
      else whole = false;
    }
    if (!whole) masked++;
    const covered = reference.coverage[n]!;
    if (whole ? coverage[n] !== 1 : !(Math.abs(coverage[n]! - covered) <= bound && coverage[n]! <= 1)) {
      throw new Error(`coverage ${n}: expected ${covered}, got ${coverage[n]}`);
    }
    // Within rounding of the threshold either answer is right.
    if (Math.abs(covered - minCoverage) <= bound) continue;
    const expected = reference.trend[n]!;
    const got = trend[n]!;
    if (Number.isNaN(expected) && Number.isNaN(got)) continue;
    const allowed = bound * largest + (bias === 0 ? 0 : unit * Math.abs(expected));
    if (!(Math.abs(got - expected) <= allowed)) {
      throw new Error(`trend ${n}: expected ${expected}, got ${got}`);
    }
  }
  return masked;
}
