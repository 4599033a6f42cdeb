import { laneBlock } from '../model/encodePlan.ts';
import type { CellMemory } from './cellMemory.ts';
import { type MergedJob, type MergedPart, rowsOf } from './merge.ts';
import type { Packed, PackedJob } from './pack.ts';

/** The trends of one job's rows. */
export interface TrendBlock {
  /** `[channel][row]`, float32; NaN is missing. It may be a view into memory shared with other blocks of its call. */
  readonly trend: Float32Array;
  /** `[channel][row]`, float32, 0 … 1: how much of the kernel meets samples; undefined where it is 1 throughout. */
  readonly coverage: Float32Array | undefined;
}

/** What turns sums into trends. */
export interface TrendRule {
  /** One for all channels or one for each. */
  readonly biases: Float32Array;
  /** Whether any bias is not 0. */
  readonly biased: boolean;
  /** The smallest float32 that is enough coverage for a trend. */
  readonly least: number;
  /** Taps or biases so large that trends of ordinary samples may overflow. */
  readonly mayOverflow: boolean;
}

/**
 * Takes the trends of every job out of a call's answer, by the one rule of coverage, for each output by its window
 * alone: with nothing missing (an integer count) the trend is the convolution itself and coverage exactly 1; otherwise
 * the convolution of the samples is divided, in float32, by that of the mask, and is missing below `minCoverage`.
 *
 * @param y `[lane][T]`, fresh memory: it is written to and becomes the trends where it lies right
 * @param memory the grid's, whose scratch may be used
 * @returns a block for each of the jobs that were merged
 */
export function unpack(
  merged: readonly MergedJob[],
  packed: Packed,
  y: Float32Array,
  memory: CellMemory,
  rule: TrendRule,
): TrendBlock[] {
  const blocks: TrendBlock[] = [];
  for (const [i, job] of packed.jobs.entries()) {
    const whole = trendOf(job, packed, y, memory, rule);
    const { parts } = merged[i]!;
    if (parts.length === 1) blocks[parts[0]!.job] = whole;
    else for (const part of parts) blocks[part.job] = cut(whole, job.rows, part);
  }
  return blocks;
}

/** One of the frames that went together. */
function cut({ trend, coverage }: TrendBlock, rows: number, { first, count }: MergedPart): TrendBlock {
  const covered = coverage && rowsOf(coverage, rows, first, count);
  return {
    trend: rowsOf(trend, rows, first, count),
    coverage: covered?.some((value) => value < 1) ? covered : undefined,
  };
}

function trendOf(
  job: PackedJob,
  packed: Packed,
  y: Float32Array,
  memory: CellMemory,
  rule: TrendRule,
): TrendBlock {
  const { rows, window } = job;
  const trend = gather(job, packed, y);
  let coverage: Float32Array | undefined;
  if (job.masked) {
    const division = { packed, y, least: rule.least, trend };
    coverage = vectorDivide(job, division, memory) ?? divide(job, division);
  }
  for (let c = 0; rule.biased && c < window.channels; c++) {
    const bias = rule.biases[rule.biases.length === 1 ? 0 : c]!;
    if (bias === 0) continue;
    for (let i = c * rows; i < (c + 1) * rows; i++) trend[i] = trend[i]! + bias;
  }
  if (!job.calm || rule.mayOverflow) saturate(trend);
  return { trend, coverage };
}

/** The job's outputs as `[channel][row]`: a view where they lie so and are much of the answer, else a copy. */
function gather(
  { window, rows, pieces, at }: PackedJob,
  { seats, outputs }: Packed,
  y: Float32Array,
): Float32Array {
  const { blocks, channels } = window;
  const first = seats[at]!;
  // A small view would keep all of the answer in memory for as long as someone has it.
  if (pieces === 1 && rows === outputs && 2 * channels * rows >= y.length) {
    let b = 1;
    while (b < blocks.length && seats[at + b] === first + blocks[b]!.first) b++;
    if (b === blocks.length) return y.subarray(first * outputs, (first + channels) * outputs);
  }
  const trend = new Float32Array(channels * rows);
  for (let piece = 0, seat = at; piece < pieces; piece++) {
    const start = piece * outputs;
    const count = Math.min(outputs, rows - start);
    for (let b = 0; b < blocks.length; b++, seat++) {
      const block = blocks[b]!;
      const from = seats[seat]! * outputs;
      const to = block.first * rows + start;
      if (count === rows && count === outputs) copy(y, from, block.width * count, trend, to);
      else {
        for (let lane = 0; lane < block.width; lane++)
          copy(y, from + lane * outputs, count, trend, to + lane * rows);
      }
    }
  }
  return trend;
}

const longRun = 64;

function copy(source: Float32Array, from: number, count: number, target: Float32Array, to: number): void {
  if (count >= longRun) target.set(source.subarray(from, from + count), to);
  else for (let i = 0; i < count; i++) target[to + i] = source[from + i]!;
}

interface Division {
  readonly packed: Packed;
  readonly y: Float32Array;
  readonly least: number;
  readonly trend: Float32Array;
}

/** Replaces sums by weighted means wherever the window of an output has a missing sample. @returns coverage */
function divide(job: PackedJob, division: Division): Float32Array {
  const { window, pieces, at } = job;
  const coverage = new Float32Array(division.trend.length).fill(1);
  const { masks, outputs } = division.packed;
  // Per lane: how many samples of the next output's window, but for its newest, are missing.
  const missing = new Int32Array(laneBlock);
  const holed = new Int32Array(outputs);
  for (let b = 0; b < window.blocks.length; b++) {
    const { first, width } = window.blocks[b]!;
    for (let lane = 0; lane < width; lane++) missing[lane] = job.missing?.[first + lane] ?? 0;
    for (let piece = 0; piece < pieces; piece++) {
      const seat = at + piece * window.blocks.length + b;
      // Without a mask nothing in the piece is missing, its history included.
      if (masks[seat]! < 0) continue;
      const ever = holedOutputs(division.packed, seat, width, missing, holed);
      const start = piece * outputs;
      const count = Math.min(outputs, job.rows - start);
      for (let left = ever; left !== 0; left &= left - 1) {
        const bit = left & -left;
        const lane = 31 - Math.clz32(bit);
        const from = (masks[seat]! + lane) * outputs;
        divideLane(division, coverage, count, from, (first + lane) * job.rows + start, holed, bit);
      }
    }
  }
  return coverage;
}

/** The same in vector instructions, where a job is one piece of full length and there is room in the scratch. */
function vectorDivide(
  job: PackedJob,
  { packed, y, least, trend }: Division,
  memory: CellMemory,
): Float32Array | undefined {
  const { outputs, masks } = packed;
  const { window, pieces, rows, at } = job;
  const size = trend.length;
  const block = laneBlock * outputs;
  if (!memory.vectors || pieces !== 1 || rows !== outputs) return undefined;
  if (2 * size + block + outputs > memory.scratchSize) return undefined;
  const { cells, vectors, scratch } = memory;
  const coverageAt = scratch + size;
  const coveredAt = coverageAt + size;
  const holedAt = coveredAt + block;
  const holed = new Int32Array(cells.buffer, 4 * holedAt, outputs);
  cells.set(trend, scratch);
  cells.fill(1, coverageAt, coveredAt);
  const missing = new Int32Array(laneBlock);
  for (let b = 0; b < window.blocks.length; b++) {
    const mask = masks[at + b]!;
    if (mask < 0) continue;
    const { first, width } = window.blocks[b]!;
    for (let lane = 0; lane < width; lane++) missing[lane] = job.missing?.[first + lane] ?? 0;
    holedOutputs(packed, at + b, width, missing, holed);
    copy(y, mask * outputs, width * outputs, cells, coveredAt);
    const from = first * outputs;
    vectors.divide(
      width,
      outputs,
      4 * (scratch + from),
      4 * coveredAt,
      4 * (coverageAt + from),
      4 * holedAt,
      least,
    );
  }
  trend.set(cells.subarray(scratch, coverageAt));
  return cells.slice(coverageAt, coveredAt);
}

/**
 * Finds which lanes have something missing in the window of each of a piece's outputs, by counting what comes in and
 * what leaves.
 *
 * @param missing of the windows before the first output; brought forward
 * @param holed gets a bit for each lane, per output
 * @returns the lanes that have something missing at any output
 */
function holedOutputs(
  { history, outputs, holes }: Packed,
  seat: number,
  width: number,
  missing: Int32Array,
  holed: Int32Array,
): number {
  const incoming = 2 * seat * outputs;
  let now = 0;
  for (let lane = 0; lane < width; lane++) if (missing[lane]! > 0) now |= 1 << lane;
  let ever = now;
  for (let t = 0; t < outputs; t++) {
    const came = holes[incoming + t]!;
    for (let rest = came; rest !== 0; rest &= rest - 1) missing[31 - Math.clz32(rest & -rest)]!++;
    now |= came;
    ever |= came;
    holed[t] = now;
    const left = holes[t < history ? incoming + outputs + t : incoming + t - history]!;
    for (let rest = left; rest !== 0; rest &= rest - 1) {
      const lane = 31 - Math.clz32(rest & -rest);
      missing[lane]!--;
      if (missing[lane] === 0) now &= ~(1 << lane);
    }
  }
  return ever;
}

/** The outputs of one lane: `count` from `to` on, the mask's from `from` on; those where `holed` has the bit. */
function divideLane(
  { y, least, trend }: Division,
  coverage: Float32Array,
  count: number,
  from: number,
  to: number,
  holed: Int32Array,
  bit: number,
): void {
  for (let t = 0; t < count; t++) {
    if ((holed[t]! & bit) === 0) continue;
    const covered = y[from + t]!;
    coverage[to + t] = Math.min(covered, 1);
    trend[to + t] = trend[to + t]! / covered;
    if (covered < least) trend[to + t] = Number.NaN;
  }
}

const largest = (2 - 2 ** -23) * 2 ** 127;

/**
 * A mean of samples at float32's very end (a sensor's FLT_MAX for "none") may round to ±Infinity, and only there can a
 * sum overflow: the largest float32 is then within the promised error, and no trend but a missing one is not a number.
 */
function saturate(trend: Float32Array): void {
  for (let i = 0; i < trend.length; i++) {
    const value = trend[i]!;
    if (Math.abs(value) === Number.POSITIVE_INFINITY) trend[i] = Math.sign(value) * largest;
  }
}
