import { levelBias } from '../windowed/levelBias.ts';
import { type ChannelWindows, windowChunks } from '../windows.ts';
import type { ErrorLoss } from './errorLoss.ts';

/** What the losses of a channel are measured by, from its training part. */
export interface Scale {
  /** Of its errors: the newest sample's root mean square error, or the standard deviation of the target column. */
  readonly unit: number;
  /** Of its mean loss (of errors in units): the newest sample's, or that of the best constant. */
  readonly divisor: number;
}

/** What a loss of 1 stands for: the newest sample alone, or for a target column the best constant. */
export type Yardstick = 'newest' | 'target';

/**
 * The scale of each channel; null leaves it out of the loss, for it has no window, or a yardstick without an error.
 *
 * @param channels per channel the windows of each recording of the training part
 */
export function scalesOf(
  loss: ErrorLoss,
  channels: readonly (readonly ChannelWindows[])[],
  yardstick: Yardstick,
): readonly (Scale | null)[] {
  return channels.map((recordings) => {
    const errors = yardstickErrors(recordings, yardstick);
    const unit = Math.sqrt(mean(errors, (error) => error * error));
    if (!(unit > 0)) return null;
    const scaled = errors.map((error) => error / unit);
    const bias = yardstick === 'target' ? levelBias(loss, scaled, 0) : 0;
    return { unit, divisor: mean(scaled, (error) => loss.value(error + bias, 0)) };
  });
}

/** Of the newest sample, or of the targets' mean. */
function yardstickErrors(recordings: readonly ChannelWindows[], yardstick: Yardstick): Float64Array {
  const errors = new Float64Array(recordings.reduce((total, { used }) => total + used, 0));
  let i = 0;
  for (const recording of recordings) {
    for (const { x, y, from, runs } of windowChunks(recording, recording.from)) {
      for (const [first, end] of runs) {
        for (let n = first; n < end; n++) errors[i++] = (yardstick === 'newest' ? x[n]! : 0) - y[n - from]!;
      }
    }
  }
  if (yardstick === 'newest') return errors;
  const centre = mean(errors, (error) => error);
  return errors.map((error) => error - centre);
}

function mean(values: Float64Array, of: (value: number) => number): number {
  return values.reduce((total, value) => total + of(value), 0) / values.length;
}
