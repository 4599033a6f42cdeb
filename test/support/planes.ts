import type { FrameValues } from '../../src/dsp/frame.ts';

/** The numbers of a frame, `[channel][row]`. */
export function planesOf(frame: {
  readonly values: FrameValues;
  readonly rows: number;
  readonly channels: number;
  readonly skipped?: number;
}): Float32Array {
  const planes = new Float32Array(frame.rows * frame.channels);
  frame.values.place(planes, frame.rows, 0, frame.skipped ?? 0);
  return planes;
}
