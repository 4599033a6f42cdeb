import { FirtrendError } from '../dsp/error.ts';
import { type AnyRecording, asStored, type StoredRecording } from './recording.ts';

/** Rates measured from time stamps differ a little between recordings of one sensor. */
const rateTolerance = 0.02;

export interface Aligned {
  /** Hz: that of the first recording. */
  readonly rate: number;
  readonly channels: readonly string[];
  /** All with `channels` in that order. */
  readonly recordings: readonly StoredRecording[];
}

/**
 * Recordings that can be trained on together: the same channels, put in the order of the first, at the same rate.
 *
 * @throws FirtrendError `noRecording`, `channelMismatch`, `rateMismatch`
 */
export function aligned(given: readonly AnyRecording[]): Aligned {
  const recordings = given.map(asStored);
  const [first] = recordings;
  if (first === undefined)
    throw new FirtrendError('noRecording', 'recordings: expected at least one, got none');
  const { channels, rate } = first;
  const ordered = recordings.map((recording) => {
    const columns = channels.map((name) => recording.channels.indexOf(name));
    if (columns.includes(-1) || recording.channels.length !== channels.length) {
      throw new FirtrendError(
        'channelMismatch',
        `${recording.path}: expected the channels of ${first.path} (${channels.join(', ')}), ` +
          `got ${recording.channels.join(', ')}; choose with --columns`,
      );
    }
    if (Math.abs(recording.rate - rate) > rateTolerance * rate) {
      throw new FirtrendError(
        'rateMismatch',
        `${recording.path}: expected the rate of ${first.path}, ${rate} Hz, got ${recording.rate} Hz`,
      );
    }
    const pick = <T>(values: readonly T[]) => columns.map((c) => values[c]!);
    return {
      ...recording,
      channels,
      samples: pick(recording.samples),
      offsets: pick(recording.offsets),
      overflow: pick(recording.overflow),
    };
  });
  return { rate, channels, recordings: ordered };
}
