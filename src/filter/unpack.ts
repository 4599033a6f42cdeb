import type { CellMemory } from './cellMemory.ts';
import { answersIn, divide } from './divide.ts';
import { type MergedJob, type MergedPart, rowsOf } from './merge.ts';
import type { Packed, PackedJob } from './pack.ts';
import { copyCells, fillRows, unwritten } from './rows.ts';

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
 * @param y `[lane][T]`: it is written to. Memory of its own becomes trends and coverage where it lies right, of what is
 *   in the grid's memory (`answerRoom`) they are copies
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
  if (job.masked) divide(job, packed, y, memory, rule.least);
  // What is in the grid's memory is the next call's.
  const own = y.length > 0 && !answersIn(memory, y);
  const trend = gather(job, packed, packed.seats, y, own);
  const coverage = job.masked ? gather(job, packed, packed.masks, y, own) : undefined;
  for (let c = 0; rule.biased && c < window.channels; c++) {
    const bias = rule.biases[rule.biases.length === 1 ? 0 : c]!;
    if (bias === 0) continue;
    for (let i = c * rows; i < (c + 1) * rows; i++) trend[i] = trend[i]! + bias;
  }
  if (!job.calm || rule.mayOverflow) saturate(trend);
  return { trend, coverage };
}

/**
 * The job's outputs as `[channel][row]`: a view where they lie so and are much of the answer, else a copy.
 *
 * @param lanes the first of each seat; 1 throughout where it is negative
 * @param own whether `y` is memory of its own
 */
function gather(
  { window, rows, pieces, at }: PackedJob,
  { outputs }: Packed,
  lanes: Int32Array,
  y: Float32Array,
  own: boolean,
): Float32Array {
  const { blocks, channels } = window;
  const size = channels * rows;
  const first = lanes[at]!;
  let inOrder = 0;
  if (pieces === 1 && rows === outputs && first >= 0) {
    while (inOrder < blocks.length && lanes[at + inOrder] === first + blocks[inOrder]!.first) inOrder++;
  }
  const whole = inOrder === blocks.length;
  const from = first * outputs;
  // A small view would keep all of the answer in memory for as long as someone has it.
  if (whole && own && 2 * size >= y.length) return y.subarray(from, from + size);
  const gathered = unwritten(size);
  if (whole) {
    copyCells(y, from, size, gathered, 0);
    return gathered;
  }
  for (let piece = 0, seat = at; piece < pieces; piece++) {
    const start = piece * outputs;
    const count = Math.min(outputs, rows - start);
    for (let b = 0; b < blocks.length; b++, seat++) {
      const block = blocks[b]!;
      const from = lanes[seat]! * outputs;
      const to = block.first * rows + start;
      if (from < 0) fillRows(count, block.width, 1, gathered, to, rows);
      else if (count === rows && count === outputs) copyCells(y, from, block.width * count, gathered, to);
      else {
        for (let lane = 0; lane < block.width; lane++)
          copyCells(y, from + lane * outputs, count, gathered, to + lane * rows);
      }
    }
  }
  return gathered;
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
