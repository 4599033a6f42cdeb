import { scanMinimum } from './scanMinimum.ts';

/**
 * The a of the best exponential average `y += a·(x - y)`, found over log a.
 *
 * @param losses of several a at once
 * @param slowest the smallest a, > 0
 */
export function bestExponential(losses: (rates: Float64Array) => Float64Array, slowest: number): number {
  return Math.exp(
    scanMinimum(
      (logs) => losses(logs.map(Math.exp)),
      Math.log(slowest),
      0,
      // As fine as for the ramp's time constant: three points to each doubling, then between neighbours to 1e-3 of a.
      { points: Math.max(4, 1 + Math.ceil(3 * Math.log2(1 / slowest))), scans: 5, finer: 9 },
    ),
  );
}
