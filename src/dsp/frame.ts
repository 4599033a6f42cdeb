/**
 * n consecutive samples of all C channels of a stream, at seqs `seq … seq + rows - 1`.
 * `planes` is channel-major, `planes[c * rows + row]`, float32; NaN is missing.
 */
export interface Frame {
  readonly seq: number;
  readonly rows: number;
  readonly planes: Float32Array;
}

/** The rows `[from, to)` of a frame, as a frame of its own (copied). */
export function sliceFrame(frame: Frame, from: number, to: number): Frame {
  const channels = frame.planes.length / frame.rows;
  const rows = to - from;
  const planes = new Float32Array(channels * rows);
  for (let c = 0; c < channels; c++) {
    planes.set(frame.planes.subarray(c * frame.rows + from, c * frame.rows + to), c * rows);
  }
  return { seq: frame.seq + from, rows, planes };
}
