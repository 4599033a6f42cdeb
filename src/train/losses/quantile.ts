import type { ErrorLoss } from './errorLoss.ts';
import { nthSmallest } from './nthSmallest.ts';

/**
 * The quantile loss (Koenker and Bassett, Regression quantiles, 1978): a trend above its target costs 1 - q for each
 * unit, one below q, so that the best is at or above the share q of its targets. Of a width μ > 0 it is the largest
 * s·e - μ·(s - ½ + q)² over its slopes s, -q … 1 - q: a parabola within about μ of 0.
 *
 * @param q 0 … 1, exclusive
 */
export function quantile(q: number): ErrorLoss {
  const slope = (error: number, width: number): number => {
    if (width === 0) return error < 0 ? -q : 1 - q;
    return Math.max(-q, Math.min(0.5 - q + error / (2 * width), 1 - q));
  };
  return {
    name: `quantile:${q}`,
    noun: 'quantile loss',
    bias: true,
    covers: q,
    value(error, width) {
      const s = slope(error, width);
      return s * error - width * (s - 0.5 + q) ** 2;
    },
    slope,
    curvature: (error, width) => (Math.abs(error) < width ? 1 / (2 * width) : 0),
    // The smallest b with at least the share q of errors + b from 0 on.
    level: (errors) => -nthSmallest(errors, errors.length - Math.ceil(q * errors.length)),
    conjugate: () => 0,
    tensor: (tf, errors) => tf.maximum(errors.mul(1 - q), errors.mul(-q)),
  };
}
