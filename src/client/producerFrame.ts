import { limits } from '../wire/limits.ts';
import { WireError } from '../wire/wireError.ts';

interface NumberedHead {
  /** Of the first row; where absent, the next. */
  readonly seq?: number | undefined;
  /** Milliseconds since 1970 of the first row; where absent, stamped by the daemon on receipt. */
  readonly time?: number | undefined;
  /** Milliseconds between rows; where absent, 1000 / rate. */
  readonly period?: number | undefined;
  readonly times?: undefined;
}

/** The head of frames of a source that stamps its samples and does not number them: all its frames, or none. */
interface TimedHead {
  /**
   * Milliseconds of each row, in the source's own clock. The numbers follow from them: a sample that comes late by more
   * than jitter explains is told as a gap, a clock that runs backwards is the error `timeBackwards`.
   */
  readonly times: ArrayLike<number>;
  readonly seq?: undefined;
  readonly time?: undefined;
  readonly period?: undefined;
}

/** Samples of all channels of a stream, by channel or as planes `[channel][row]`; null or NaN is missing. */
export type ProducerFrame = (NumberedHead | TimedHead) &
  ({ readonly values: readonly ArrayLike<number | null>[] } | { readonly planes: Float32Array });

/** The planes of a frame of `channels` channels. Throws `frameSize` or `limit`. */
export function planesOf(frame: ProducerFrame, channels: number): { rows: number; planes: Float32Array } {
  const planes = 'planes' in frame ? frame.planes : gathered(frame.values, channels);
  const rows = planes.length / channels;
  if (!Number.isInteger(rows) || rows === 0) {
    const got = `got ${planes.length}`;
    throw new WireError(
      'frameSize',
      `planes: expected a multiple of ${channels} channels, 1 row or more, ${got}`,
    );
  }
  if (rows > limits.rows) {
    throw new WireError('limit', `frame: expected at most ${limits.rows} rows, got ${rows}`);
  }
  return { rows, planes };
}

function gathered(values: readonly ArrayLike<number | null>[], channels: number): Float32Array {
  if (values.length !== channels) {
    throw new WireError('frameSize', `values: expected ${channels} channels, got ${values.length}`);
  }
  const rows = values[0]!.length;
  const planes = new Float32Array(channels * rows);
  for (let c = 0; c < channels; c++) {
    const channel = values[c]!;
    if (channel.length !== rows) {
      const field = `values[${c}]`;
      throw new WireError(
        'frameSize',
        `${field}: expected ${rows} rows as in values[0], got ${channel.length}`,
        { field },
      );
    }
    for (let row = 0; row < rows; row++) planes[c * rows + row] = channel[row] ?? Number.NaN;
  }
  return planes;
}
