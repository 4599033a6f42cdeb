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

/** The numbers of a frame that has no memory of its own yet: they are written once, to where they stay. */
export interface FrameValues {
  /**
   * Writes the rows `from … rows` of every channel to planes that are `width` rows wide, from row `at` on:
   * `to[c * width + at …]`. What is not finite is written as NaN.
   */
  place(to: Float32Array, width: number, at: number, from: number): void;
}

/** From here on `set` beats a loop: below it, making the view costs more than copying (measured on Node 20). */
const longRun = 32;

export function planeValues(planes: Float32Array, rows: number): FrameValues {
  return {
    place(to, width, at, from) {
      const count = rows - from;
      let start = at;
      for (let source = from; source < planes.length; source += rows, start += width) {
        if (count >= longRun) to.set(planes.subarray(source, source + count), start);
        else for (let i = 0; i < count; i++) to[start + i] = planes[source + i]!;
      }
    },
  };
}
