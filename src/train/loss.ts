import { FirtrendError } from '../dsp/error.ts';
import { type Moments, moments } from './statistics.ts';
import type { ChannelWindows } from './windows.ts';

/** Per channel the squared error of the newest sample alone on the training part; null leaves the channel out. */
export type Divisors = readonly (number | null)[];

/**
 * The loss of a kernel as one quadratic form: the mean over channels of each channel's mean square error, divided by
 * that of the newest sample alone on the same windows of the training part. 1 means "no better than no filter", and
 * neither a loud nor a drifting channel rules.
 */
export interface QuadraticLoss {
  /** K × K, `[i·K + j]`, newest tap first; the loss of taps w with Σ w = 1 is w'Mw. */
  readonly matrix: Float64Array;
  readonly taps: number;
  /** By which each channel's error is divided. */
  readonly divisors: Divisors;
}

/**
 * The loss over the training part; channels without a window or whose newest sample always is the target are left out.
 *
 * @param channels per channel the windows of each recording
 * @throws FirtrendError `nothingToLearn` where every channel is left out
 */
export function trainingLoss(channels: readonly (readonly ChannelWindows[])[], taps: number): QuadraticLoss {
  const perChannel = channels.map((windows) => moments(windows, taps));
  const divisors = perChannel.map(({ matrix }) => (matrix[0]! > 0 ? matrix[0]! : null));
  if (divisors.every((divisor) => divisor === null)) {
    throw new FirtrendError(
      'nothingToLearn',
      'training part: expected a channel whose target differs from its newest sample, got none (constant channels?)',
    );
  }
  return { taps, divisors, matrix: normalisedMean(perChannel, divisors, taps) };
}

/** The loss over another part, by the divisors of the training part. */
export function lossOver(
  channels: readonly (readonly ChannelWindows[])[],
  { taps, divisors }: QuadraticLoss,
): QuadraticLoss {
  const perChannel = channels.map((windows, c) =>
    divisors[c] === null ? { windows: 0, matrix: new Float64Array(0) } : moments(windows, taps),
  );
  return { taps, divisors, matrix: normalisedMean(perChannel, divisors, taps) };
}

function normalisedMean(channels: readonly Moments[], divisors: Divisors, taps: number): Float64Array {
  const taken = channels.flatMap(({ windows, matrix }, c) => {
    const divisor = divisors[c];
    return windows > 0 && typeof divisor === 'number' ? [{ matrix, divisor }] : [];
  });
  const mean = new Float64Array(taps * taps);
  for (const { matrix, divisor } of taken) {
    const scale = 1 / (divisor * taken.length);
    for (let k = 0; k < matrix.length; k++) mean[k]! += matrix[k]! * scale;
  }
  return mean;
}

/** w'Mw. */
export function lossOf({ matrix, taps }: QuadraticLoss, w: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < taps; i++) total += w[i]! * rowDot(matrix, i * taps, w);
  return total;
}

/** Its gradient 2Mw. */
export function gradientOf({ matrix, taps }: QuadraticLoss, w: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: taps }, (_, i) => 2 * rowDot(matrix, i * taps, w));
}

function rowDot(matrix: Float64Array, offset: number, w: ArrayLike<number>): number {
  let total = 0;
  for (let j = 0; j < w.length; j++) total += matrix[offset + j]! * w[j]!;
  return total;
}
