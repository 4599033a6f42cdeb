import type { Kernel } from './kernel.ts';

/** One channel's trend and coverage, a value per sample; a trend that is missing is NaN. */
export interface ReferenceTrend {
  readonly trend: Float64Array;
  readonly coverage: Float64Array;
}

/** The coverage below which a trend is missing: half of an equal share, so a monotone kernel speaks from sample one. */
export function defaultMinCoverage(taps: number): number {
  return 1 / (2 * taps);
}

/**
 * The filter's definition, in float64 and with nothing clever, to hold every faster one against:
 *
 *     coverage[n] = Σ w[j]·m[n-j]      trend[n] = Σ w[j]·m[n-j]·x[n-j] / coverage[n] + bias
 *
 * where m is 1 for a finite sample inside the recording and 0 otherwise; with nothing missing in the window, coverage
 * is 1 and the trend is the convolution itself.
 *
 * @param x samples of one channel at consecutive seqs; NaN, ±Infinity or magnitudes beyond float32 are missing
 * @param minCoverage trends with less coverage are missing (0 … 1)
 */
export function referenceTrend(
  x: ArrayLike<number>,
  { taps, bias }: Kernel,
  minCoverage: number = defaultMinCoverage(taps.length),
): ReferenceTrend {
  const trend = new Float64Array(x.length);
  const coverage = new Float64Array(x.length);
  for (let n = 0; n < x.length; n++) {
    let weighted = 0;
    let covered = 0;
    let present = 0;
    for (let j = 0; j < taps.length && j <= n; j++) {
      const sample = x[n - j]!;
      if (!Number.isFinite(Math.fround(sample))) continue;
      weighted += taps[j]! * sample;
      covered += taps[j]!;
      present++;
    }
    const whole = present === taps.length;
    coverage[n] = whole ? 1 : Math.min(covered, 1);
    trend[n] = whole ? weighted + bias : covered >= minCoverage ? weighted / covered + bias : Number.NaN;
  }
  return { trend, coverage };
}
