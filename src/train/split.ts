import { FirtrendError } from '../dsp/error.ts';
import { filled } from './fill.ts';
import { type AnyRecording, asStored, type StoredRecording } from './recording.ts';
import type { Supervised } from './references.ts';
import { part, type Samples } from './samples.ts';
import { createScratch, type Scratch } from './scratch.ts';
import { longestStretch, type Target, targetMargins, targetSamples } from './targets.ts';
import { type ChannelWindows, channelWindows } from './windows.ts';

/** Per channel its windows in each recording, for either part. */
export interface Split {
  readonly train: readonly (readonly ChannelWindows[])[];
  readonly heldOut: readonly (readonly ChannelWindows[])[];
}

/**
 * The split, which comes before everything: of each recording the first `floor((1-holdout)·length)` samples train, the
 * rest are held out. A window belongs to the part that holds its newest sample and its target; its older samples may
 * lie before the split, a target never crosses it, and either part has its own smoother.
 *
 * @param recordings with the same channels in the same order
 * @param taps K, the length of a window
 * @param holdout 0 … 1, exclusive of 1
 * @param fill holes of up to so many samples are bridged in the inputs; no hole of the training part by a sample after it
 * @param scratch holds the targets; left out, they are in memory
 * @throws FirtrendError `holdout`, `tapsTooMany`, `targetPeriod`, `tooFewWindows`
 */
export function splitWindows(
  given: readonly (AnyRecording | Supervised)[],
  target: Target,
  taps: number,
  holdout: number,
  fill = 0,
  scratch: Scratch = createScratch(Infinity),
): Split {
  if (!(holdout >= 0 && holdout < 1)) {
    throw new FirtrendError('holdout', `holdout: expected a share from 0 to below 1, got ${holdout}`);
  }
  const recordings: readonly Supervised[] = given.map(asStored);
  const cuts = recordings.map(({ length }) => Math.floor((1 - holdout) * length));
  mustHoldWindow(recordings, cuts, taps);
  if (target.kind === 'smooth') mustHoldPeriod(recordings, cuts, target.period);
  const margins = targetMargins(target);
  const windowsOf = (from: (r: number) => number, to: (r: number) => number) =>
    recordings[0]!.channels.map((_, c) =>
      recordings.map(({ samples, references }, r) => {
        const own = (column: Samples) => part(column, from(r), to(r));
        const reference = references && own(references[c]!);
        const y = targetSamples(target, own(samples[c]!), reference, scratch);
        return channelWindows(filled(part(samples[c]!, 0, to(r)), fill), y, from(r), taps, margins);
      }),
    );
  const train = windowsOf(
    () => 0,
    (r) => cuts[r]!,
  );
  const most = mostWindows(train);
  if (most < 2 * taps) {
    throw new FirtrendError(
      'tooFewWindows',
      `training part: expected at least ${2 * taps} windows (2 K) of ${taps} samples with a target, ` +
        `got ${most} from ${samplesText(recordings, cuts)}${holesText(train)}`,
    );
  }
  return {
    train,
    heldOut: windowsOf(
      (r) => cuts[r]!,
      (r) => recordings[r]!.length,
    ),
  };
}

/** The windows of the channel that has most of them. */
export function mostWindows(channels: Split['train']): number {
  return Math.max(
    0,
    ...channels.map((recordings) => recordings.reduce((total, { used }) => total + used, 0)),
  );
}

function mustHoldWindow(recordings: readonly StoredRecording[], cuts: readonly number[], taps: number): void {
  if (cuts.some((samples) => samples >= taps)) return;
  throw new FirtrendError(
    'tapsTooMany',
    `taps: K = ${taps} is longer than the training part, ${samplesText(recordings, cuts)}`,
  );
}

function mustHoldPeriod(
  recordings: readonly StoredRecording[],
  cuts: readonly number[],
  period: number,
): void {
  const longestOf = (samples: number) =>
    Math.max(
      ...recordings.flatMap((recording, r) =>
        recording.samples.map((x) => longestStretch(part(x, 0, Math.min(samples, cuts[r]!)), period)),
      ),
    );
  // Nearly always the beginning is enough, and need not be read to the end.
  if (longestOf(Math.ceil(4 * period)) >= 3 * period) return;
  const longest = longestOf(Number.POSITIVE_INFINITY);
  if (longest >= 3 * period) return;
  throw new FirtrendError(
    'targetPeriod',
    `target: expected smooth:PERIOD with a period of at most a third of the longest stretch without a hole of half ` +
      `a period (${longest} samples in the training part, so at most ${longest / 3}), got ${period}`,
  );
}

/** What missing samples cost, where they cost a window. */
function holesText(channels: Split['train']): string {
  const leftOut = Math.max(
    ...channels.map((recordings) => recordings.reduce((total, own) => total + own.leftOut, 0)),
  );
  return leftOut === 0
    ? ''
    : `; up to ${leftOut} windows a channel were left out for missing samples, and --fill N interpolates holes of up to N samples`;
}

function samplesText(recordings: readonly StoredRecording[], cuts: readonly number[]): string {
  return recordings.map(({ name, length }, r) => `${cuts[r]} of the ${length} samples of ${name}`).join(', ');
}
