import { memorySamples, type Samples } from './samples.ts';

/** One recording, read and put on its clock, as training takes it: of any length, for it need not be in memory. */
export interface StoredRecording {
  /** The file's name without folders. */
  readonly name: string;
  readonly path: string;
  /** The columns taken, in the order of the file, or of `columns` where they were named. */
  readonly channels: readonly string[];
  /** Columns not taken because they hold text, or no number at all. */
  readonly leftOut: readonly string[];
  /** Samples per second. */
  readonly rate: number;
  /** Rows of the file. */
  readonly rows: number;
  /** Slots from the first row to the last, those of missing rows included. */
  readonly length: number;
  /** Per channel `length` samples minus the offset, by seq; NaN is missing. */
  readonly samples: readonly Samples[];
  /** Per channel what was subtracted, in the unit of the column. */
  readonly offsets: readonly number[];
  /** Per channel how many samples were ±Infinity or beyond float32, and so taken as missing. */
  readonly overflow: readonly number[];
  /** The name of the time column; null where there is none. */
  readonly clockName: string | null;
  /** SHA-256 of the file's bytes, hexadecimal. */
  readonly sha256: string;
}

/** One recording in memory, with the times of its rows: what filtering and replay work on. */
export interface Recording extends Omit<StoredRecording, 'samples' | 'rows' | 'clockName'> {
  /** The seq of each row of the file. */
  readonly seqs: Float64Array;
  /**
   * The time of each row in ms: since 1970 where the column says so, else since the zero of the column; with `rate`,
   * since the first row.
   */
  readonly times: Float64Array;
  /** Per channel `length` samples minus the offset, by seq; NaN is missing. */
  readonly values: readonly Float64Array[];
  /** The time column as it stands in the file, a cell a row; null where there is none. */
  readonly clock: { readonly name: string; readonly cells: readonly string[] } | null;
}

/** What training takes: it reads a recording in memory as it reads a stored one. */
export type AnyRecording = Recording | StoredRecording;

export function asStored(recording: AnyRecording): StoredRecording {
  if ('samples' in recording) return recording;
  const { seqs, times: _, values, clock, ...rest } = recording;
  return {
    ...rest,
    rows: seqs.length,
    samples: values.map(memorySamples),
    clockName: clock?.name ?? null,
  };
}
