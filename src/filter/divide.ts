import { laneBlock } from '../model/encodePlan.ts';
import type { CellMemory } from './cellMemory.ts';
import type { Packed, PackedJob } from './pack.ts';

/** Two int32 for each lane of a block, at the beginning of the scratch: what `Vectors.divide` calls bounds. */
const boundCells = 2 * laneBlock;

/** Where in a grid's scratch the runtime may put an answer of so many cells, to be divided there. */
export function answerRoom(
  { cells, scratch, scratchSize }: CellMemory,
  size: number,
): Float32Array | undefined {
  const at = scratch + boundCells;
  return boundCells + size <= scratchSize ? cells.subarray(at, at + size) : undefined;
}

/** Whether an answer is in the grid's memory, where the next call may write. */
export function answersIn({ cells }: CellMemory, y: Float32Array): boolean {
  return y.buffer === cells.buffer;
}

/**
 * Where a job's outputs have a mask, sums become weighted means wherever the window of an output has a missing sample
 * (NaN below `least`), and what the mask gave becomes coverage: at most 1, and 1 where nothing is missing.
 *
 * In vector instructions where the answer is in the grid's memory and the job one piece of full length, no longer than
 * the kernel: then a lane's outputs see a missing sample up to some output and from some output on.
 *
 * @param y `[lane][T]`, sums and masks of all jobs
 */
export function divide(
  job: PackedJob,
  packed: Packed,
  y: Float32Array,
  memory: CellMemory,
  least: number,
): void {
  const { pieces, rows } = job;
  const { history, outputs } = packed;
  const short = pieces === 1 && rows === outputs && rows <= history + 1;
  if (memory.vectors && answersIn(memory, y) && short) divideVectors(job, packed, y, memory, least);
  else divideCells(job, packed, y, least);
}

function divideVectors(
  { window, rows, at, holed }: PackedJob,
  { masks, holes, seats }: Packed,
  y: Float32Array,
  { cells, vectors, scratch }: CellMemory,
  least: number,
): void {
  const bounds = new Int32Array(cells.buffer, 4 * scratch, boundCells);
  for (let b = 0; b < window.blocks.length; b++) {
    const { first, width } = window.blocks[b]!;
    const mask = masks[at + b]!;
    if (mask < 0) continue;
    for (let lane = 0; lane < width; lane++) {
      bounds[2 * lane] = holed === undefined ? 0 : holed[first + lane]!;
      bounds[2 * lane + 1] = rows;
    }
    const hole = (at + b) * rows;
    let seen = 0;
    for (let t = 0; t < rows; t++) {
      for (let fresh = holes[hole + t]! & ~seen; fresh !== 0; fresh &= fresh - 1) {
        bounds[2 * (31 - Math.clz32(fresh & -fresh)) + 1] = t;
      }
      seen |= holes[hole + t]!;
    }
    const sums = y.byteOffset + 4 * seats[at + b]! * rows;
    const covered = y.byteOffset + 4 * mask * rows;
    vectors!.divide(width, rows, sums, covered, 4 * scratch, least);
  }
}

/** Of each lane of a block: its outputs that have been seen to, and those before `until` see a missing sample. */
const done = new Int32Array(laneBlock);
const until = new Int32Array(laneBlock);

function divideCells(
  { window, pieces, rows, at, holed }: PackedJob,
  { history, outputs, masks, holes, seats }: Packed,
  y: Float32Array,
  least: number,
): void {
  const { blocks } = window;
  for (let b = 0; b < blocks.length; b++) {
    const { first, width } = blocks[b]!;
    for (let lane = 0; lane < width; lane++) until[lane] = holed === undefined ? 0 : holed[first + lane]!;
    for (let piece = 0; piece < pieces; piece++) {
      const seat = at + piece * blocks.length + b;
      const mask = masks[seat]! * outputs;
      // Without a mask nothing in the piece is missing, its history included.
      if (mask < 0) continue;
      const count = Math.min(outputs, rows - piece * outputs);
      const sums = seats[seat]! * outputs;
      const hole = seat * outputs;
      for (let t = 0; t < count; t++) {
        for (let bits = holes[hole + t]!; bits !== 0; bits &= bits - 1) {
          const lane = 31 - Math.clz32(bits & -bits);
          if (t > until[lane]!) {
            settle(y, sums + lane * outputs, mask + lane * outputs, lane, t, least);
            done[lane] = t;
          }
          until[lane] = t + history + 1;
        }
      }
      for (let lane = 0; lane < width; lane++) {
        settle(y, sums + lane * outputs, mask + lane * outputs, lane, count, least);
        done[lane] = 0;
        until[lane] = Math.max(0, until[lane]! - outputs);
      }
    }
  }
}

/** Sees to a lane's outputs from `done` up to `end`. */
function settle(y: Float32Array, sums: number, mask: number, lane: number, end: number, least: number): void {
  const holed = Math.min(until[lane]!, end);
  let t = done[lane]!;
  for (; t < holed; t++) {
    const covered = y[mask + t]!;
    y[sums + t] = covered < least ? Number.NaN : y[sums + t]! / covered;
    if (covered > 1) y[mask + t] = 1;
  }
  for (; t < end; t++) y[mask + t] = 1;
}
