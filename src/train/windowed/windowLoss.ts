/** A loss that needs every window by itself: the mean over channels of mean losses of errors, in float64. */
import { centred, centreOf } from '../centre.ts';
import type { ErrorLoss } from '../losses/errorLoss.ts';
import type { Scale } from '../losses/scales.ts';
import { type ChannelWindows, inMemory, type MemoryWindows } from '../windows.ts';
import { levelBias } from './levelBias.ts';

export interface WindowLoss {
  readonly error: ErrorLoss;
  /** Whether each channel has a bias, always the best for the taps. */
  readonly bias: boolean;
  readonly channels: readonly LossChannel[];
}

/** One channel's part in the loss; its errors are in its unit. */
interface LossChannel extends Scale {
  /** Their targets are moved by the centre. */
  readonly recordings: readonly MemoryWindows[];
  /** c, in the channel's unit: a bias b there is b + c here; 0 where the loss has no bias. */
  readonly centre: number;
  readonly windows: number;
  /** By which the channel's mean loss enters: 1/(divisor · channels taken). */
  readonly share: number;
  /** Which of all channels it is. */
  readonly index: number;
}

/** Where a kernel stands. */
export interface Point {
  /** Per channel Σ w[j]·x[n-j] - y[n] of each window, less the centre. */
  readonly errors: readonly Float64Array[];
  /** Per channel what is added to them. */
  readonly biases: readonly number[];
  readonly loss: number;
}

/**
 * @param channels per channel of the model its windows in each recording
 * @param scales of the training part; null leaves a channel out
 */
export function windowLoss(
  error: ErrorLoss,
  bias: boolean,
  channels: readonly (readonly ChannelWindows[])[],
  scales: readonly (Scale | null)[],
): WindowLoss {
  const taken = channels.flatMap((recordings, index) => {
    const windows = recordings.reduce((total, { used }) => total + used, 0);
    const scale = scales[index];
    if (windows === 0 || !scale) return [];
    const centre = bias ? centreOf(recordings) : 0;
    const held = recordings.map(inMemory).map((own) => ({ ...own, y: centred(own.y, centre) }));
    return [{ ...scale, recordings: held, centre, windows, index }];
  });
  return {
    error,
    bias,
    channels: taken.map((channel) => ({ ...channel, share: 1 / (channel.divisor * taken.length) })),
  };
}

/** The loss of errors of a millionth of their unit: what is below it, float32 taps and biases do not tell from none. */
export function nothing({ error, channels }: WindowLoss): number {
  const most = Math.max(error.value(1e-6, 0), error.value(-1e-6, 0));
  return channels.reduce((total, { share }) => total + share * most, 0);
}

/** @param w taps, newest first, Σ w = 1, at most K */
export function errorsOf({ channels }: WindowLoss, w: Float64Array): Float64Array[] {
  return channels.map(({ recordings, windows, unit }) => {
    const errors = new Float64Array(windows);
    const taps = w.length;
    let i = 0;
    for (const { x, y, from, runs } of recordings) {
      for (const [first, end] of runs) {
        for (let n = first; n < end; n++) {
          // Differences first: a large level under a small signal costs no digits.
          const target = y[n - from]!;
          // Four sums, for each addition would wait for the one before.
          let [a, b, c, d] = [0, 0, 0, 0];
          let j = 0;
          for (; j + 4 <= taps; j += 4) {
            a += w[j]! * (x[n - j]! - target);
            b += w[j + 1]! * (x[n - j - 1]! - target);
            c += w[j + 2]! * (x[n - j - 2]! - target);
            d += w[j + 3]! * (x[n - j - 3]! - target);
          }
          for (; j < taps; j++) a += w[j]! * (x[n - j]! - target);
          errors[i++] = (a + b + (c + d)) / unit;
        }
      }
    }
    return errors;
  });
}

/** The loss of errors with the best biases, or none, where the loss has none. @param width see `ErrorLoss` */
export function settled(loss: WindowLoss, errors: readonly Float64Array[], width: number): Point {
  const biases = loss.channels.map((_, c) => (loss.bias ? levelBias(loss.error, errors[c]!, width) : 0));
  return { errors, biases, loss: meanLoss(loss, errors, biases, width) };
}

/** @param width see `ErrorLoss` */
export function meanLoss(
  { error, channels }: WindowLoss,
  errors: readonly Float64Array[],
  biases: readonly number[],
  width: number,
): number {
  return channels.reduce(
    (total, { share }, c) => total + share * meanValue(error, errors[c]!, biases[c]!, width),
    0,
  );
}

/** The mean loss of one channel's errors, in its unit. */
export function meanValue(error: ErrorLoss, own: Float64Array, bias: number, width: number): number {
  let sum = 0;
  for (let i = 0; i < own.length; i++) sum += error.value(own[i]! + bias, width);
  return sum / own.length;
}

/** The gradient in the taps at the slopes of each error, and the mean conjugate of these slopes. */
export function gradientAt(
  { error, channels }: WindowLoss,
  { errors, biases }: Pick<Point, 'errors' | 'biases'>,
  taps: number,
  width: number,
): { readonly gradient: Float64Array; readonly conjugate: number } {
  const gradient = new Float64Array(taps);
  let conjugate = 0;
  channels.forEach(({ recordings, windows, unit, share }, c) => {
    const [own, bias] = [errors[c]!, biases[c]!];
    const sums = new Float64Array(taps);
    let i = 0;
    for (const { x, y, from, runs } of recordings) {
      for (const [first, end] of runs) {
        for (let n = first; n < end; n++) {
          const target = y[n - from]!;
          const slope = error.slope(own[i++]! + bias, width);
          conjugate += (share / windows) * error.conjugate(slope);
          if (slope === 0) continue;
          for (let j = 0; j < taps; j++) sums[j]! += slope * (x[n - j]! - target);
        }
      }
    }
    for (let j = 0; j < taps; j++) gradient[j]! += (share * sums[j]!) / (windows * unit);
  });
  return { gradient, conjugate };
}
