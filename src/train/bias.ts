/**
 * A bias b for each channel, in its unit, added outside the weighted mean: the channel's error is then
 * E[(w·d + b)²], d the differences of a window to its target, which the bias -w·E[d] makes smallest. With d = e + c, c a
 * constant near E[d], it is E[(w·e + (b + c))²], in which a large level costs no digits.
 */
import { lossOf, type PartLoss, type QuadraticLoss } from './loss.ts';

/** The loss of taps when each channel has its best bias: w'(M - Σ share·E[e]E[e]')w, quadratic again. */
export function withBestBiases({ taps, divisors, matrix, channels }: PartLoss): QuadraticLoss {
  const centred = Float64Array.from(matrix);
  for (const { share, mean } of channels) {
    if (share === 0) continue;
    for (let i = 0; i < taps; i++) {
      for (let j = 0; j < taps; j++) centred[i * taps + j]! -= share * mean[i]! * mean[j]!;
    }
  }
  return { taps, divisors, matrix: centred };
}

/** The best bias of each channel for these taps; 0 for one that is left out of the loss. */
export function bestBiases({ channels }: PartLoss, w: ArrayLike<number>): number[] {
  return channels.map(({ share, centre, mean }) => (share === 0 ? 0 : -(centre + errorMean(mean, w))));
}

/** The loss of taps and a bias for each channel. */
export function biasedLoss(loss: PartLoss, w: ArrayLike<number>, biases: readonly number[]): number {
  return loss.channels.reduce(
    (total, { share, centre, mean }, c) => {
      const level = biases[c]! + centre;
      return level === 0 ? total : total + share * level * (2 * errorMean(mean, w) + level);
    },
    lossOf(loss, w),
  );
}

/** The same on each channel alone; null for one that is left out. */
export function biasedLossByChannel(
  { taps, divisors, channels }: PartLoss,
  w: ArrayLike<number>,
  biases: readonly number[],
): (number | null)[] {
  return channels.map(({ share, centre, matrix, mean }, c) => {
    const divisor = divisors[c];
    if (share === 0 || typeof divisor !== 'number') return null;
    const level = biases[c]! + centre;
    return (lossOf({ taps, divisors, matrix }, w) + level * (2 * errorMean(mean, w) + level)) / divisor;
  });
}

/** What rounded biases cost: the loss above that of the best ones. */
export function biasExcess({ channels }: PartLoss, w: ArrayLike<number>, biases: readonly number[]): number {
  return channels.reduce(
    (total, { share, centre, mean }, c) => total + share * (biases[c]! + centre + errorMean(mean, w)) ** 2,
    0,
  );
}

/** w·E[e]: the mean error without a bias, less c. */
function errorMean(mean: Float64Array, w: ArrayLike<number>): number {
  return mean.reduce((total, value, j) => total + w[j]! * value, 0);
}
