import type { Kernel } from '../../dsp/kernel.ts';
import { referenceTrend } from '../../dsp/reference.ts';
import { aligned } from '../aligned.ts';
import type { AnyRecording } from '../recording.ts';
import { withReferences } from '../references.ts';
import { parseTarget, targetValues } from '../targets.ts';
import type { TrainResult } from '../train.ts';

export interface Stretch {
  readonly channel: string;
  readonly file: string;
  /** Whether the kernel was trained without it. */
  readonly heldOut: boolean;
  /** Seconds from the first sample of the recording. */
  readonly seconds: readonly number[];
  /** In the unit of the channel; NaN is missing. */
  readonly raw: Float64Array;
  readonly target: Float64Array;
  readonly trend: Float64Array;
}

/**
 * The stretch of the first recording's held-out part (of all of it where nothing was held out) that has most targets,
 * and of those the first, for the first channel: what was measured, what the trend should say and what it says.
 */
export function heldOutStretch(
  result: TrainResult,
  recordings: readonly AnyRecording[],
  holdout: number,
): Stretch {
  const target = parseTarget(result.target, result.rate);
  const [recording] = withReferences(aligned(recordings).recordings, target);
  const { length, rate, samples: columns, offsets, references, name } = recording!;
  const cut = holdout === 0 ? 0 : Math.floor((1 - holdout) * length);
  const end = Math.min(length, cut + searched);
  const x = columns[0]!;
  const y = targetValues(target, x.read(cut, end), references?.[0]?.read(cut, end));
  const kernel = servedKernel(result);
  const samples = Math.min(y.length, 400, Math.max(160, 4 * kernel.taps.length));
  const from = cut + fullest(y, samples);
  const older = Math.max(0, from - kernel.taps.length + 1);
  const { trend } = referenceTrend(x.read(older, from + samples), kernel);
  const shown = (part: Float64Array) => part.map((value) => value + offsets[0]!);
  return {
    channel: result.channels[0]!,
    file: name,
    heldOut: cut > 0,
    seconds: Array.from({ length: samples }, (_, i) => (from + i) / rate),
    raw: shown(x.read(from, from + samples)),
    target: shown(y.slice(from - cut, from - cut + samples)),
    trend: shown(trend.subarray(from - older)),
  };
}

/** Samples among which a good stretch is looked for. */
const searched = 2 ** 20;

function servedKernel({ kernels: [{ taps, bias }] }: TrainResult): Kernel {
  return { taps: Float64Array.from(taps), bias };
}

/** Where the window of so many values begins that has most numbers. */
function fullest(values: Float64Array, size: number): number {
  let [best, most, count] = [0, -1, 0];
  for (let n = 0; n < values.length; n++) {
    if (!Number.isNaN(values[n]!)) count++;
    if (n >= size && !Number.isNaN(values[n - size]!)) count--;
    if (n >= size - 1 && count > most) [best, most] = [n - size + 1, count];
  }
  return best;
}
