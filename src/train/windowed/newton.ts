/** Steps by second derivatives to the best kernel of a class, in float64. */
import type { Family } from '../../dsp/families.ts';
import { bestFree } from '../bestFree.ts';
import { hullOf } from '../hull.ts';
import type { QuadraticLoss } from '../loss.ts';
import { polish } from '../polish.ts';
import { lagOf, lowestVertex, vertices } from '../vertices.ts';
import { curvatureAt } from './curvatureAt.ts';
import { quadraticModel } from './quadraticModel.ts';
import {
  errorsOf,
  gradientAt,
  meanLoss,
  nothing,
  type Point,
  settled,
  type WindowLoss,
} from './windowLoss.ts';

/** A convex set of kernels with Σ w = 1. */
export interface KernelClass {
  /** The largest Σ j·w[j], samples. */
  readonly maxLag: number;
  /** The kernel with the smallest quadratic loss. @param from of the class */
  least(quadratic: QuadraticLoss, from: Float64Array): Float64Array;
  /** min g·v over the class; -Infinity where it has no end. */
  lowest(g: Float64Array): number;
}

/** The hull of a family; of `ramp` the class that its kernels lie in. */
export function hullClass(family: Family, taps: number, maxLag: number): KernelClass {
  const hull = hullOf(family);
  const corners = vertices(hull.lags(taps), maxLag);
  return {
    maxLag,
    least: (quadratic, from) => polish(family, from, quadratic, maxLag).taps,
    lowest: (g) => lowestVertex(corners, hull.scores(g)).value,
  };
}

/** All kernels with Σ w = 1, of any sign and order. */
export function freeClass(maxLag: number): KernelClass {
  return {
    maxLag,
    least: (quadratic) => bestFree(quadratic, maxLag),
    lowest: () => -Infinity,
  };
}

/** How far above the optimum the way may end, of the loss: well below the 1e-3 that is promised. */
const closeEnough = 1e-5;
/** In units of the errors. */
const firstWidth = 0.25;
const narrower = 0.25;
const narrowest = 1e-10;
const mostSteps = 30;
/** A loss that falls by less of it does not fall. */
const rounding = 1e-14;

/**
 * The kernel of a class with the smallest loss, to about 1e-5 of it, from any other on.
 *
 * Newton's method with the loss rounded over a width: each step is the best kernel of the class by the parabola that
 * touches the rounded loss, or as much of the way there as lowers it. The width falls until the bound that its slopes
 * prove is close (Chen, A finite smoothing algorithm for quantile regression, 2007).
 *
 * @param start Σ w = 1
 */
export function newton(loss: WindowLoss, start: Float64Array, kernels: KernelClass): Float64Array {
  const taps = start.length;
  const first = within(start, kernels.maxLag);
  const before = settled(loss, errorsOf(loss, first), 0).loss;
  const none = nothing(loss);
  let [w, after] = [first, before];
  for (let width = firstWidth; width > narrowest; width *= narrower) {
    let point = settled(loss, errorsOf(loss, w), width);
    let excess = Infinity;
    for (let step = 0; step < mostSteps; step++) {
      const { gradient, conjugate } = gradientAt(loss, point, taps, width);
      const now = meanLoss(loss, point.errors, point.biases, 0);
      const lowest = kernels.lowest(gradient);
      excess = now + conjugate - lowest;
      const gap = dot(gradient, w) - lowest;
      // What rounding costs is the rest of the excess: no use in going far below it.
      if (gap <= Math.max(0.1 * closeEnough * now, 0.1 * (excess - gap))) break;
      const model = quadraticModel(curvatureAt(loss, point, taps, width), gradient, w);
      const aim = kernels.least(model, w);
      const slope = dot(gradient, aim) - dot(gradient, w);
      if (lowest === -Infinity && !(-slope > 1e-3 * closeEnough * now)) {
        // Level in all directions of the class: the kernel itself is where g·v is smallest.
        excess = now + conjugate - dot(gradient, w);
        break;
      }
      const next = towards(loss, point, aim, width, slope);
      if (next === null || !(point.loss - next.point.loss > rounding * now)) break;
      w = w.map((tap, j) => tap + next.part * (aim[j]! - tap));
      point = next.point;
    }
    after = settled(loss, point.errors, 0).loss;
    if (excess <= closeEnough * after || after < none) break;
  }
  // The last and not the lowest, which may be lower by less than can be proven: it is the last whose slopes prove it.
  return after <= before * (1 + closeEnough) ? w : first;
}

/** The first of the whole way, its half, its quarter … on which the rounded loss falls enough; null for none. */
function towards(
  loss: WindowLoss,
  point: Point,
  aim: Float64Array,
  width: number,
  slope: number,
): { readonly part: number; readonly point: Point } | null {
  const far = errorsOf(loss, aim);
  for (let part = 1; part > 1e-6; part /= 2) {
    const errors = point.errors.map((own, c) =>
      part === 1 ? far[c]! : own.map((error, i) => error + part * (far[c]![i]! - error)),
    );
    const next = settled(loss, errors, width);
    if (next.loss <= point.loss + 1e-4 * part * slope) return { part, point: next };
  }
  return null;
}

/** Mixed with the newest sample alone as far as the lag asks for it. */
function within(w: Float64Array, maxLag: number): Float64Array {
  const lag = lagOf(w);
  if (lag <= maxLag) return w;
  const share = maxLag / lag;
  return w.map((tap, j) => share * tap + (j === 0 ? 1 - share : 0));
}

function dot(a: Float64Array, b: Float64Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i]! * b[i]!;
  return total;
}
