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
function divide(job: PackedJob, { packed, y, least, trend }: Division): Float32Array {
  const { window, pieces, rows, at } = job;
  const { history, outputs, masks, holes } = packed;
  const coverage = new Float32Array(trend.length).fill(1);
  for (let b = 0; b < window.blocks.length; b++) {
    const { first, width } = window.blocks[b]!;
    for (let lane = 0; lane < width; lane++) {
      const channel = first + lane;
      // Outputs before it see a missing sample.
      let until = channel * rows + (job.holed?.[channel] ?? 0);
      for (let piece = 0; piece < pieces; piece++) {
        const seat = at + piece * window.blocks.length + b;
        // Without a mask nothing in the piece is missing, its history included.
        if (masks[seat]! < 0) continue;
        const start = channel * rows + piece * outputs;
        const end = Math.min(start + outputs, (channel + 1) * rows);
        const covers = (masks[seat]! + lane) * outputs - start;
        const missing = seat * outputs - start;
        for (let i = start; i < end; i++) {
          if (((holes[missing + i]! >> lane) & 1) === 1) until = i + history + 1;
          if (i >= until) continue;
          const covered = y[covers + i]!;
          coverage[i] = Math.min(covered, 1);
          trend[i] = trend[i]! / covered;
          if (covered < least) trend[i] = Number.NaN;
        }
      }
    }
  }
  return coverage;
}

/**
 * The same in vector instructions, where a job is one piece of full length, no longer than the kernel, and there is room
 * in the scratch. Then a lane's outputs see a missing sample up to some output and from some output on.
 */
function vectorDivide(
  job: PackedJob,
  { packed, y, least, trend }: Division,
  memory: CellMemory,
): Float32Array | undefined {
  const { history, outputs, masks, holes } = packed;
  const { window, pieces, rows, at } = job;
  const size = trend.length;
  const block = laneBlock * outputs;
  if (!memory.vectors || pieces !== 1 || rows !== outputs || rows > history + 1) return undefined;
  if (2 * size + block + 2 * laneBlock > memory.scratchSize) return undefined;
  const { cells, vectors, scratch } = memory;
  const coverageAt = scratch + size;
  const coveredAt = coverageAt + size;
  const boundsAt = coveredAt + block;
  const bounds = new Int32Array(cells.buffer, 4 * boundsAt, 2 * laneBlock);
  cells.set(trend, scratch);
  cells.fill(1, coverageAt, coveredAt);
  for (let b = 0; b < window.blocks.length; b++) {
    const mask = masks[at + b]!;
    if (mask < 0) continue;
    const { first, width } = window.blocks[b]!;
    for (let lane = 0; lane < width; lane++) {
      bounds[2 * lane] = job.holed === undefined ? 0 : job.holed[first + lane]!;
      bounds[2 * lane + 1] = outputs;
    }
    const hole = (at + b) * outputs;
    let seen = 0;
    for (let t = 0; t < outputs; t++) {
      for (let fresh = holes[hole + t]! & ~seen; fresh !== 0; fresh &= fresh - 1) {
        bounds[2 * (31 - Math.clz32(fresh & -fresh)) + 1] = t;
      }
      seen |= holes[hole + t]!;
    }
    copy(y, mask * outputs, width * outputs, cells, coveredAt);
    const from = first * outputs;
    vectors.divide(
      width,
      outputs,
      4 * (scratch + from),
      4 * coveredAt,
      4 * (coverageAt + from),
      4 * boundsAt,
      least,
    );
  }
  trend.set(cells.subarray(scratch, coverageAt));
  return cells.slice(coverageAt, coveredAt);
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
