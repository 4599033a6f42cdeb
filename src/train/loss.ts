/** The squared error of many windows as one quadratic form. */
import { FirtrendError } from '../dsp/error.ts';
import { centreOf } from './centre.ts';
import type { Yardstick } from './losses/scales.ts';
import { type Moments, moments } from './statistics.ts';
import { type ChannelWindows, windowChunks } from './windows.ts';

/**
 * Per channel the loss of the newest sample alone on the training part, or of the best constant (by squared error the
 * variance of the target); null leaves the channel out.
 */
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
 * The loss over a part of the recordings, and what it is made of channel by channel. Where it is centred, `matrix` is the
 * loss with a bias of -c for each channel.
 */
export interface PartLoss extends QuadraticLoss {
  readonly channels: readonly {
    /** By which the channel's mean square error enters the loss: 1/(divisor · channels taken), 0 where it is left out. */
    readonly share: number;
    /** c, in the channel's unit: 0 unless the loss is centred. */
    readonly centre: number;
    /** E[(x[n-i] - y[n] - c)·(x[n-j] - y[n] - c)], K × K, in the square of the channel's unit. */
    readonly matrix: Float64Array;
    /** E[x[n-j] - y[n] - c], K numbers in the channel's unit. */
    readonly mean: Float64Array;
  }[];
}

/**
 * The loss over the training part; channels without a window or whose newest sample always is the target are left out.
 *
 * @param channels per channel the windows of each recording
 * @param unit by what the errors are divided: the newest sample's own, or the target's variance
 * @param bias whether there will be biases, which take up the level between samples and targets: it is then centred
 * @throws FirtrendError `nothingToLearn` where every channel is left out
 */
export function trainingLoss(
  channels: readonly (readonly ChannelWindows[])[],
  taps: number,
  unit: Yardstick = 'newest',
  bias = false,
): PartLoss {
  const perChannel = channels.map((windows) => moments(windows, taps, bias ? centreOf(windows) : 0));
  const divisors = perChannel.map((own, c) => divisorOf(own, channels[c]!, unit));
  mustLearn(divisors, unit);
  return partLoss(perChannel, divisors, taps);
}

/** @throws FirtrendError `nothingToLearn` where every channel is left out */
export function mustLearn(divisors: Divisors, unit: Yardstick): void {
  if (divisors.some((divisor) => divisor !== null)) return;
  throw new FirtrendError(
    'nothingToLearn',
    unit === 'newest'
      ? 'training part: expected a channel whose target differs from its newest sample, got none (constant channels?)'
      : 'training part: expected a channel whose target column varies, got none',
  );
}

/** The loss of each channel by itself, over the training part. */
export function channelLosses(
  channels: readonly (readonly ChannelWindows[])[],
  taps: number,
  unit: Yardstick = 'newest',
  bias = false,
): readonly PartLoss[] {
  return channels.map((windows) => {
    const own = moments(windows, taps, bias ? centreOf(windows) : 0);
    return partLoss([own], [divisorOf(own, windows, unit)], taps);
  });
}

function divisorOf(
  { matrix, mean, centre }: Moments,
  windows: readonly ChannelWindows[],
  unit: Yardstick,
): number | null {
  const divisor = unit === 'newest' ? matrix[0]! + centre * (2 * mean[0]! + centre) : targetVariance(windows);
  return divisor > 0 ? divisor : null;
}

/** Of the targets of all windows, about their mean. */
function targetVariance(recordings: readonly ChannelWindows[]): number {
  const mean = (f: (y: number) => number): number => {
    let [total, count] = [0, 0];
    for (const recording of recordings) {
      for (const { y, from, runs } of windowChunks(recording, recording.from)) {
        for (const [first, end] of runs) {
          count += end - first;
          for (let n = first; n < end; n++) total += f(y[n - from]!);
        }
      }
    }
    return count === 0 ? 0 : total / count;
  };
  const centre = mean((y) => y);
  return mean((y) => (y - centre) ** 2);
}

/** The loss over another part, by the divisors and centres of the training part. */
export function lossOver(
  channels: readonly (readonly ChannelWindows[])[],
  { taps, divisors, channels: own }: PartLoss,
): PartLoss {
  const perChannel = channels.map((windows, c) =>
    moments(divisors[c] === null ? [] : windows, taps, own[c]!.centre),
  );
  return partLoss(perChannel, divisors, taps);
}

function partLoss(perChannel: readonly Moments[], divisors: Divisors, taps: number): PartLoss {
  const taken = perChannel.filter(({ windows }, c) => windows > 0 && divisors[c] !== null).length;
  const channels = perChannel.map(({ windows, centre, matrix, mean }, c) => {
    const divisor = divisors[c];
    return {
      centre,
      matrix,
      mean,
      share: windows > 0 && typeof divisor === 'number' ? 1 / (divisor * taken) : 0,
    };
  });
  const matrix = new Float64Array(taps * taps);
  perChannel.forEach((own, c) => {
    const { share } = channels[c]!;
    if (share > 0) for (let k = 0; k < matrix.length; k++) matrix[k]! += own.matrix[k]! * share;
  });
  return { taps, divisors, matrix, channels };
}

/** The loss of kernels of at most `taps` ≤ K taps, on the same windows. */
export function shortened(loss: QuadraticLoss, taps: number): QuadraticLoss {
  if (taps === loss.taps) return loss;
  const matrix = new Float64Array(taps * taps);
  for (let i = 0; i < taps; i++) {
    matrix.set(loss.matrix.subarray(i * loss.taps, i * loss.taps + taps), i * taps);
  }
  return { taps, divisors: loss.divisors, matrix };
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
