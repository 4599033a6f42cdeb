/** One recording, read and put on its clock: what training and replay work on. */
export interface Recording {
  /** The file's name without folders. */
  readonly name: string;
  readonly path: string;
  /** The columns taken, in the order of the file, or of `columns` where they were named. */
  readonly channels: readonly string[];
  /** Columns not taken because they hold text, or no number at all. */
  readonly leftOut: readonly string[];
  /** Samples per second. */
  readonly rate: number;
  /** Slots from the first row to the last, those of missing rows included. */
  readonly length: number;
  /** The seq of each row of the file. */
  readonly seqs: Float64Array;
  /**
   * The time of each row in ms: since 1970 where the column says so, else since the zero of the column; with `rate`,
   * since the first row.
   */
  readonly times: Float64Array;
  /** Per channel `length` samples minus the offset, by seq; NaN is missing. */
  readonly values: readonly Float64Array[];
  /** Per channel what was subtracted, in the unit of the column. */
  readonly offsets: readonly number[];
  /** Per channel how many samples were ±Infinity or beyond float32, and so taken as missing. */
  readonly overflow: readonly number[];
  /** The time column as it stands in the file, a cell a row; null where there is none. */
  readonly clock: { readonly name: string; readonly cells: readonly string[] } | null;
  /** SHA-256 of the file's bytes, hexadecimal. */
  readonly sha256: string;
}
