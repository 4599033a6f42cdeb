import type { Family } from '../dsp/families.ts';
import { normalised } from '../dsp/kernel.ts';
import { hullOf } from './hull.ts';
import { gradientOf, lossOf, type QuadraticLoss } from './loss.ts';
import { lowestVertex, vertices } from './vertices.ts';

/** How far a kernel's loss can be above the best of its class, proven. */
export interface Certificate {
  /** L(w) - min L ≤ gap. */
  readonly gap: number;
  /** gap / L(w); null where the loss is 0. */
  readonly relative: number | null;
  /** Why `relative` is null. */
  readonly reason?: string;
}

/** A loss below this is none: the target is reached to the last digits. */
const exactly = 1e-12;

/**
 * The certificate of the taps as a file holds them (float32, divided by their float64 sum). For a convex loss with
 * gradient g at w, L(v) ≥ L(w) + g·(v - w) for every v, so L(w) is at most `gap = g·w - min g·v` above the best of the
 * class, v over its vertices: the K moving averages, or the unit vectors for `simplex` (the gap of Frank and Wolfe); of
 * the class with a largest lag D the vertices within D and the mixtures of two that have the lag D.
 * For `ramp`, which does not fill its class, the gap is the price of having one parameter.
 *
 * @param loss with a bias minimised out
 * @param maxLag D, samples; the taps' own lag is not above it
 * @param biasExcess how far the loss of the file's biases is above that of the best ones
 */
export function certificate(
  family: Family,
  storedTaps: ArrayLike<number>,
  loss: QuadraticLoss,
  { maxLag = Infinity, biasExcess = 0 }: { readonly maxLag?: number; readonly biasExcess?: number } = {},
): Certificate {
  const w = normalised(storedTaps);
  const g = gradientOf(loss, w);
  const atKernel = w.reduce((total, tap, j) => total + tap * g[j]!, 0);
  const hull = hullOf(family);
  const { value: atVertex } = lowestVertex(vertices(hull.lags(w.length), maxLag), hull.scores(g));
  const gap = Math.max(0, atKernel - atVertex) + biasExcess;
  return certificateOf(gap, lossOf(loss, w) + biasExcess);
}

/** @param value the loss of the kernel @param none below it there is no loss */
export function certificateOf(gap: number, value: number, none: number = exactly): Certificate {
  if (value < none) return { gap, relative: null, reason: 'the target is reached exactly' };
  return { gap, relative: gap / value };
}
