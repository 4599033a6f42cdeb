import { type Family, mixtureWeights } from '../dsp/families.ts';
import { normalised } from '../dsp/kernel.ts';
import { bestRamp } from './bestRamp.ts';
import { hullOf } from './hull.ts';
import { lossOf, type QuadraticLoss } from './loss.ts';
import { minimumNormPoint } from './minimumNormPoint.ts';
import { lagOf, vertices } from './vertices.ts';

export interface Polished {
  /** Newest first, float64, Σ = 1. */
  readonly taps: Float64Array;
  /** Of a ramp: 1/α samples, 0 … Infinity. */
  readonly timeConstant?: number;
}

/**
 * The float64 finish of a fit by squared error: from the taps that float32 gradients reached to the best of the family,
 * to rounding. `ramp` is one number, solved exactly; the other families are the hull of their vertices, where the active
 * set of the fitted mixture is the beginning. Never above the loss it started from.
 *
 * @param fitted taps of this family, newest first
 * @param maxLag the largest Σ j·w[j], samples
 */
export function polish(
  family: Family,
  fitted: Float64Array,
  loss: QuadraticLoss,
  maxLag = Infinity,
): Polished {
  if (family === 'ramp') return bestRamp(loss, maxLag);
  const hull = hullOf(family);
  const start = family === 'simplex' ? fitted : mixtureWeights(fitted);
  const u = minimumNormPoint(
    hull.gram(loss.matrix, loss.taps),
    normalised(start.map((weight) => Math.max(weight, 0))),
    vertices(hull.lags(loss.taps), maxLag),
  );
  const taps = hull.taps(u);
  const better = lossOf(loss, taps) <= lossOf(loss, fitted) || lagOf(fitted) > maxLag;
  return { taps: better ? taps : fitted };
}
