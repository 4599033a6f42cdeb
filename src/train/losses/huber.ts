import type { ErrorLoss } from './errorLoss.ts';

/**
 * Huber's loss (Robust estimation of a location parameter, 1964): e²/2 up to |e| = D, a straight line beyond, so that an
 * outlier pulls no harder than an error of D. Of a width above D, D/width times the loss with its bend at the width: of
 * the same steepest slopes.
 *
 * @param bend D > 0, in units of the newest sample's root mean square error
 */
export function huber(bend: number): ErrorLoss {
  return {
    name: `huber:${bend}`,
    noun: 'Huber loss',
    bias: false,
    value(error, width) {
      const at = Math.max(bend, width);
      const inside = Math.max(-at, Math.min(error, at));
      return (bend / at) * inside * (error - inside / 2);
    },
    slope(error, width) {
      const at = Math.max(bend, width);
      return (bend / at) * Math.max(-at, Math.min(error, at));
    },
    curvature(error, width) {
      const at = Math.max(bend, width);
      return Math.abs(error) <= at ? bend / at : 0;
    },
    conjugate: (slope) => (slope * slope) / 2,
    tensor(tf, errors) {
      const inside = tf.clipByValue(errors, -bend, bend);
      return inside.mul(errors.sub(inside.mul(0.5)));
    },
  };
}
