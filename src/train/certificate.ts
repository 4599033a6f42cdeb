import type { Family } from '../dsp/families.ts';
import { normalised } from '../dsp/kernel.ts';
import { hullOf } from './hull.ts';
import { gradientOf, lossOf, type QuadraticLoss } from './loss.ts';

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
 * class, v over its vertices: the K moving averages, or the unit vectors for `simplex` (the gap of Frank and Wolfe).
 * For `ramp`, which does not fill its class, the gap is the price of having one parameter.
 */
export function certificate(family: Family, storedTaps: ArrayLike<number>, loss: QuadraticLoss): Certificate {
  const w = normalised(storedTaps);
  const g = gradientOf(loss, w);
  const atKernel = w.reduce((total, tap, j) => total + tap * g[j]!, 0);
  const atVertex = hullOf(family)
    .scores(g)
    .reduce((a, b) => Math.min(a, b), Infinity);
  const gap = Math.max(0, atKernel - atVertex);
  const value = lossOf(loss, w);
  if (value < exactly) return { gap, relative: null, reason: 'the target is reached exactly' };
  return { gap, relative: gap / value };
}
