import type { SamplesRecord } from '../../log/sampleLog.ts';

/** Neighbouring frames of one stream as one; the log has them as they came. */
export interface JoinedSamples extends SamplesRecord {
  /** Of each row (ms since 1970), where the frames joined are not `period` apart. */
  readonly times?: Float64Array | undefined;
}

/** Planes of a joined frame have at most so many numbers: 64 KiB. */
const mostNumbers = 16 * 1024;

/** Two roundings of a time of our century in a double (ms): a time that is off by no more is the one expected. */
const rounding = 2 ** -11;

/** Frames of one stream without a gap between them, on their way to being one. */
export interface Run {
  readonly frames: SamplesRecord[];
  rows: number;
  numbers: number;
}

export function startRun(frame: SamplesRecord): Run {
  return { frames: [frame], rows: frame.rows, numbers: frame.planes.length };
}

/** Appends the frame if it follows on from the run and there is room. @returns whether it did */
export function extendRun(run: Run, frame: SamplesRecord): boolean {
  const first = run.frames[0]!;
  if (frame.seq !== first.seq + run.rows || run.numbers + frame.planes.length > mostNumbers) return false;
  run.frames.push(frame);
  run.rows += frame.rows;
  run.numbers += frame.planes.length;
  return true;
}

export function joined({ frames, rows, numbers }: Run): JoinedSamples {
  const first = frames[0]!;
  if (frames.length === 1) return first;
  const planes = new Float32Array(numbers);
  const channels = numbers / rows;
  let regular = true;
  let row = 0;
  for (const frame of frames) {
    place(frame, planes, row, rows, channels);
    const expected = first.time + row * first.period;
    if (frame.period !== first.period || Math.abs(frame.time - expected) > rounding) regular = false;
    row += frame.rows;
  }
  return { ...first, rows, planes, ...(!regular && { times: timesOf(frames, rows) }) };
}

/** Copies `[channel][row]` planes into wider ones, from `at` on. */
function place(frame: SamplesRecord, to: Float32Array, at: number, rows: number, channels: number): void {
  const { planes, rows: count } = frame;
  for (let c = 0; c < channels; c++) {
    const from = c * count;
    const start = c * rows + at;
    // Below this a loop is faster than making a view.
    if (count >= 32) to.set(planes.subarray(from, from + count), start);
    else for (let i = 0; i < count; i++) to[start + i] = planes[from + i]!;
  }
}

function timesOf(frames: readonly SamplesRecord[], rows: number): Float64Array {
  const times = new Float64Array(rows);
  let row = 0;
  for (const { time, period, rows: count } of frames) {
    for (let i = 0; i < count; i++) times[row++] = time + i * period;
  }
  return times;
}
