import type { Family } from '../../dsp/families.ts';
import { normalised } from '../../dsp/kernel.ts';
import { type Certificate, certificateOf } from '../certificate.ts';
import { hullClass, type KernelClass } from './newton.ts';
import { errorsOf, gradientAt, meanLoss, nothing, settled, type WindowLoss } from './windowLoss.ts';

/** In units of the errors; halved until rounding costs nothing. */
const widest = 1;
const narrowest = 2 ** -44;
/** Of the loss: far below what is promised, and what the polish's own width costs. */
const negligible = 1e-8;

/**
 * The certificate of taps and biases as a file holds them: their loss above the best {@link lowerBound} of a falling
 * sequence of widths. For a smooth loss that is the gap of Frank and Wolfe, g·w - min g·v.
 *
 * @param biases of the channels taken, in their units of error
 * @param maxLag samples; the taps' own lag is not above it
 */
export function windowCertificate(
  loss: WindowLoss,
  family: Family,
  storedTaps: ArrayLike<number>,
  biases: readonly number[],
  maxLag: number,
): Certificate {
  const w = normalised(storedTaps);
  const errors = errorsOf(loss, w);
  const value = meanLoss(loss, errors, biases, 0);
  const kernels = hullClass(family, w.length, maxLag);
  let gap = Infinity;
  for (let width = widest; width > narrowest; width /= 2) {
    const { bound, cost } = lowerBound(loss, errors, kernels, w, width);
    gap = Math.min(gap, Math.max(0, value - bound));
    if (cost <= negligible * value) break;
  }
  return certificateOf(gap, value, nothing(loss));
}

/**
 * Below this no kernel of the class has its loss, by duality: for any slopes s, value(e) is at least s·e - conjugate(s),
 * and a mean of s·e is linear in the kernel, so that the bound is
 *
 *     min over the vertices v of mean(s·e_v) - mean(conjugate(s))
 *
 * with slopes whose mean is 0 in each channel where there is a bias. They are those of the errors of some kernel with the
 * loss rounded over a width, and level with the best bias for that, which makes their mean 0.
 *
 * @param errors of the taps w
 * @param width in units of the errors
 * @returns with it what rounding costs: the part of the distance to it that is none of the kernel's
 */
export function lowerBound(
  loss: WindowLoss,
  errors: readonly Float64Array[],
  kernels: KernelClass,
  w: Float64Array,
  width: number,
): { readonly bound: number; readonly cost: number } {
  const { biases } = settled(loss, errors, width);
  const { gradient, conjugate } = gradientAt(loss, { errors, biases }, w.length, width);
  const here = w.reduce((total, tap, j) => total + tap * gradient[j]!, 0);
  return {
    bound: kernels.lowest(gradient) - conjugate,
    cost: meanLoss(loss, errors, biases, 0) + conjugate - here,
  };
}
