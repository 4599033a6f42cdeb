import type { FilterJob, TrendFilter } from './trendFilter.ts';

/** A recording and its trends in batch. Planes are `[channel][seq]`; NaN is missing. */
export interface BatchTrends {
  readonly channels: number;
  /** Seqs from the first row to the last. */
  readonly length: number;
  readonly planes: Float32Array;
  /** The runs of rows between gaps, in order. */
  readonly runs: readonly { readonly seq: number; readonly rows: number }[];
  readonly trend: Float32Array;
  readonly coverage: Float32Array;
}

export interface Streamed {
  /** Into how many frames the copies were cut. */
  readonly cuts: number;
  /** The first trend or coverage whose bits differ from the batch; undefined where none does. */
  readonly difference:
    | {
        readonly what: 'trend' | 'coverage';
        readonly channel: number;
        readonly seq: number;
        readonly batch: number;
        readonly streamed: number;
      }
    | undefined;
}

/** How each of the copies is cut: mostly single rows, short frames, any length. */
const styles = ['ones', 'short', 'any'] as const;
type Style = (typeof styles)[number];

const longestFrame = 10_000;

/**
 * Streams three copies of a recording through the engine, each cut at random into frames of 1 to 10,000 rows, in calls
 * of 1 to 6 frames of any of them and of a foreign stream, with windows now and then rebuilt from the samples as after a
 * restart, and compares every bit with the batch. It ends at the first difference. A missing trend equals a missing one.
 *
 * @param random uniform in [0, 1)
 * @param onProgress called with the share that has been streamed
 */
export async function verifyStreaming(
  filter: TrendFilter,
  batch: BatchTrends,
  random: () => number,
  onProgress: (share: number) => void = () => undefined,
): Promise<Streamed> {
  const whole = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1));
  const streams = styles.map((style) => new Copy(filter, batch, style));
  const foreign = new Foreign(filter, batch);
  const rows = batch.runs.reduce((sum, run) => sum + run.rows, 0);
  let cuts = 0;
  let done = 0;
  for (;;) {
    const jobs: FilterJob[] = [];
    const of: (Place | undefined)[] = [];
    for (let size = whole(1, 6); size > 0; size--) {
      const open = streams.filter((stream) => !stream.ended);
      if (open.length === 0) break;
      if (random() < 0.2) {
        jobs.push(foreign.next(whole(1, 50)));
        of.push(undefined);
        continue;
      }
      const stream = open[whole(0, open.length - 1)]!;
      if (random() < 0.01) stream.restart();
      const { job, seq } = stream.next(random);
      jobs.push(job);
      of.push({ seq, rows: job.rows });
      cuts++;
      done += job.rows;
    }
    if (of.every((place) => place === undefined) && streams.every((stream) => stream.ended)) {
      return { cuts, difference: undefined };
    }
    const blocks = await filter.run(jobs);
    for (const [i, place] of of.entries()) {
      const { trend, coverage } = blocks[i]!;
      const difference =
        place && (differs(batch, 'trend', trend, place) ?? differs(batch, 'coverage', coverage, place));
      if (difference) return { cuts, difference };
    }
    onProgress(done / (styles.length * rows));
  }
}

interface Place {
  readonly seq: number;
  readonly rows: number;
}

/** Coverage that was left out is 1 throughout. */
function differs(
  batch: BatchTrends,
  what: 'trend' | 'coverage',
  got: Float32Array | undefined,
  { seq, rows }: Place,
): Streamed['difference'] {
  for (let channel = 0; channel < batch.channels; channel++) {
    for (let row = 0; row < rows; row++) {
      const expected = batch[what][channel * batch.length + seq + row]!;
      const streamed = got ? got[channel * rows + row]! : 1;
      if (!Object.is(expected, streamed)) return { what, channel, seq: seq + row, batch: expected, streamed };
    }
  }
  return undefined;
}

/** Rows `[seq, seq + rows)` as planes of their own. */
function cut({ channels, length, planes }: BatchTrends, seq: number, rows: number): Float32Array {
  const part = new Float32Array(channels * rows);
  for (let c = 0; c < channels; c++) {
    part.set(planes.subarray(c * length + seq, c * length + seq + rows), c * rows);
  }
  return part;
}

function frameRows(random: () => number, style: Style): number {
  // As many of each order of magnitude.
  if (style === 'any') return Math.round(longestFrame ** random());
  return random() < (style === 'ones' ? 0.9 : 0.3) ? 1 : 1 + Math.floor(50 * random());
}

/** One more time the recording, on its way through the engine. */
class Copy {
  readonly #filter: TrendFilter;
  readonly #batch: BatchTrends;
  readonly #style: Style;
  #window: FilterJob['window'];
  #run = 0;
  /** Rows of the present run that have gone. */
  #gone = 0;
  #nextSeq = 0;

  constructor(filter: TrendFilter, batch: BatchTrends, style: Style) {
    this.#filter = filter;
    this.#batch = batch;
    this.#style = style;
    this.#window = filter.createWindow(batch.channels);
  }

  get ended(): boolean {
    return this.#run === this.#batch.runs.length;
  }

  /** The window as it is, made anew from nothing but the samples. */
  restart(): void {
    const begin = Math.max(0, this.#nextSeq - (this.#filter.taps - 1));
    this.#window = this.#filter.createWindow(this.#batch.channels);
    const rows = this.#nextSeq - begin;
    if (rows > 0) this.#window.push(cut(this.#batch, begin, rows), rows);
  }

  next(random: () => number): { readonly job: FilterJob; readonly seq: number } {
    const { seq: start, rows: all } = this.#batch.runs[this.#run]!;
    const seq = start + this.#gone;
    const rows = Math.min(frameRows(random, this.#style), all - this.#gone);
    const gap = seq - this.#nextSeq;
    this.#gone += rows;
    this.#nextSeq = seq + rows;
    if (this.#gone === all) {
      this.#run++;
      this.#gone = 0;
    }
    return { job: { window: this.#window, gap, planes: cut(this.#batch, seq, rows), rows }, seq };
  }
}

/** Company whose trends nobody looks at: the recording backwards, of one channel where the kernel lets it. */
class Foreign {
  readonly #batch: BatchTrends;
  readonly #channels: number;
  readonly #window: FilterJob['window'];
  #at = 0;

  constructor(filter: TrendFilter, batch: BatchTrends) {
    this.#batch = batch;
    this.#channels = filter.channels ?? 1;
    this.#window = filter.createWindow(this.#channels);
  }

  next(rows: number): FilterJob {
    const { planes } = this.#batch;
    const backwards = Float32Array.from(
      { length: this.#channels * rows },
      (_, i) => planes[planes.length - 1 - ((this.#at + i) % planes.length)]!,
    );
    this.#at += rows;
    return { window: this.#window, gap: 0, planes: backwards, rows };
  }
}
