import type { Point, WindowLoss } from './windowLoss.ts';

/** A window whose loss is straight still counts by this share of the mean curvature, so that no direction is flat. */
const floor = 1e-4;
/** Products that a matrix may cost: about a twentieth of a second. */
const products = 5e7;
/** Straight windows say little: so many for each tap are enough. */
const straightPerTap = 4;

/**
 * The second derivatives of a loss in the taps, K × K, its biases minimised out. On long recordings from evenly spaced
 * windows: what follows from an inexact matrix is a few steps more, not another optimum.
 */
export function curvatureAt(loss: WindowLoss, point: Point, taps: number, width: number): Float64Array {
  const { error, channels, bias: biased } = loss;
  const most = Math.max(16 * taps, products / (taps * taps)) / channels.length;
  const matrix = new Float64Array(taps * taps);
  channels.forEach(({ recordings, windows, unit, share }, c) => {
    const [errors, bias] = [point.errors[c]!, point.biases[c]!];
    const weightOf = (i: number) => error.curvature(errors[i]! + bias, width);
    // As if one window at least were at 0.
    let [sum, bent] = [error.curvature(0, width), 0];
    for (let i = 0; i < errors.length; i++) {
      sum += weightOf(i);
      if (weightOf(i) > 0) bent++;
    }
    const least = (floor * sum) / windows;
    const everyBent = Math.ceil(bent / most);
    const everyStraight = Math.ceil((windows - bent) / (straightPerTap * taps));

    const sums = new Float64Array(taps * taps);
    const means = new Float64Array(taps);
    const row = new Float64Array(taps);
    let [total, bentSeen, straightSeen, i] = [0, 0, 0, 0];
    for (const { x, y, from, runs } of recordings) {
      for (const [first, end] of runs) {
        for (let n = first; n < end; n++) {
          const own = weightOf(i++);
          const every = own > 0 ? everyBent : everyStraight;
          if ((own > 0 ? bentSeen++ : straightSeen++) % every !== 0) continue;
          const weight = every * Math.max(own, least);
          const target = y[n - from]!;
          for (let j = 0; j < taps; j++) row[j] = (x[n - j]! - target) / unit;
          total += weight;
          for (let j = 0; j < taps; j++) {
            const part = weight * row[j]!;
            means[j]! += part;
            const at = j * taps;
            for (let k = j; k < taps; k++) sums[at + k]! += part * row[k]!;
          }
        }
      }
    }
    for (let j = 0; j < taps; j++) {
      for (let k = j; k < taps; k++) {
        const centre = biased ? (means[j]! * means[k]!) / total : 0;
        matrix[j * taps + k]! += (share / windows) * (sums[j * taps + k]! - centre);
      }
    }
  });
  for (let j = 0; j < taps; j++) for (let k = 0; k < j; k++) matrix[j * taps + k] = matrix[k * taps + j]!;
  return matrix;
}
