import { laneBlock } from '../model/encodePlan.ts';
import type { CellMemory } from './cellMemory.ts';
import type { ChannelBlock } from './channelBlocks.ts';
import type { Grid } from './grid.ts';
import type { GridShape } from './layout.ts';
import { fillRows, interleave } from './rows.ts';
import type { SampleWindow } from './sampleWindow.ts';

/** Fewer samples than this are interleaved sooner than copied to where vector instructions reach them. */
const fewSamples = 64;

/** The narrowest block that `Vectors.interleave` takes. */
const vectorWidth = 4;

/** Frames to filter: `rows` new samples of every channel of a stream, behind `gap` missing ones. */
export interface FilterJob {
  /** The stream's window; packing takes it forward. */
  readonly window: SampleWindow;
  /** Samples lost between the window and the rows (0 where none). */
  readonly gap: number;
  /** `[channel][row]`, float32; NaN and ±Infinity are missing. */
  readonly planes: Float32Array;
  readonly rows: number;
}

/** A job on the grid: rows in pieces of T, each piece with a seat for each block of channels. */
export interface PackedJob {
  readonly window: SampleWindow;
  readonly rows: number;
  readonly pieces: number;
  /** Where the job's seats begin in `Packed.seats`: `[piece][block]`. */
  readonly at: number;
  /** How many outputs of each channel see a sample before the rows that is missing; undefined where none does. */
  holed: Int32Array | undefined;
  /** Whether any block has a mask. */
  masked: boolean;
  /** Whether all magnitudes are ordinary, so that no sum can overflow. */
  calm: boolean;
}

/** What a call gives the plan, and where everything lies. */
export interface Packed {
  /** K - 1 and T. */
  readonly history: number;
  readonly outputs: number;
  readonly jobs: readonly PackedJob[];
  /** The first lane of each seat, and of its mask (-1 where nothing is missing). */
  readonly seats: Int32Array;
  readonly masks: Int32Array;
  /** `[seat][T]`, of seats with a mask: bit i is set where lane i of the block is missing. Empty where none has one. */
  holes: Uint16Array;
}

/**
 * Writes the jobs to the grid in order, each behind the newest K - 1 samples of its window, and takes the windows
 * forward: a second job of the same window sees the first one's samples. A block of channels with anything missing gets
 * a mask, 1 where a sample is present and 0 where not, in lanes of its own.
 */
export function pack(inputs: readonly FilterJob[], outputs: number, shape: GridShape, grid: Grid): Packed {
  const history = shape.taps - 1;
  let seatCount = 0;
  let lanes = 0;
  const jobs = inputs.map(({ window, rows }): PackedJob => {
    const pieces = Math.ceil(rows / outputs);
    const at = seatCount;
    seatCount += pieces * window.blocks.length;
    lanes += pieces * (shape.perChannel ? shape.lanes : window.channels);
    if (pieces > 0) lanes += maskLanes(window, history, shape);
    return { window, rows, pieces, at, holed: undefined, masked: false, calm: true };
  });
  const seats = new Int32Array(seatCount);
  const masks = new Int32Array(seatCount).fill(-1);
  const packed: Packed = { history, outputs, jobs, seats, masks, holes: new Uint16Array() };
  grid.begin(outputs, lanes);
  // Who stays keeps its lanes; only then may others have what is left.
  const kept = inputs.map(({ window, gap }, i) => gap === 0 && jobs[i]!.pieces === 1 && grid.keeps(window));
  for (const [i, input] of inputs.entries()) packJob(input, jobs[i]!, kept[i]!, { packed, shape, grid });
  return packed;
}

/** The lanes that masks of what is missing already will take. */
function maskLanes(window: SampleWindow, history: number, shape: GridShape): number {
  let lanes = 0;
  for (let b = 0; b < window.blocks.length; b++) {
    if (!window.whole(b, history)) lanes += window.blocks[b]!.width;
  }
  return shape.perChannel && lanes > 0 ? shape.lanes : lanes;
}

interface Call {
  readonly packed: Packed;
  readonly shape: GridShape;
  readonly grid: Grid;
}

function packJob({ window, gap, planes, rows }: FilterJob, job: PackedJob, kept: boolean, call: Call): void {
  const { packed, shape, grid } = call;
  const { blocks, capacity } = window;
  const { history, outputs } = packed;
  window.skip(gap);
  for (let piece = 0; piece < job.pieces; piece++) {
    const at = job.at + piece * blocks.length;
    const count = Math.min(outputs, rows - piece * outputs);
    if (kept) {
      packed.seats.set(window.seating!.seats, at);
    } else {
      const row = shape.perChannel ? grid.claimRow() : 0;
      for (let b = 0; b < blocks.length; b++) {
        const { first, width } = blocks[b]!;
        packed.seats[at + b] = shape.perChannel ? row + first : grid.claim(width);
      }
    }
    for (let b = 0; b < blocks.length; b++) {
      if (!kept) loadSamples(window, b, history, grid.memory, grid.cell(packed.seats[at + b]!));
      if (window.whole(b, history)) continue;
      if (piece === 0) job.holed ??= window.outputsHoled(shape.taps);
      const mask = claimMask(call, job, at, b, kept ? window.seating!.masks[b]! : undefined);
      if (!kept) window.loadMask(b, history, grid.memory.cells, grid.cell(mask), laneBlock);
    }
    const fresh = { planes, rows, from: piece * outputs, count };
    if (count <= capacity || !writeWhole(job, at, fresh, call)) writeParts(job, at, fresh, call);
  }
  job.calm = window.calm(history + rows);
  if (job.pieces === 1 && rows === outputs) grid.seat(window, packed.seats, packed.masks, job.at);
}

/** Copies the newest rows of a block from the window to the grid. */
function loadSamples(window: SampleWindow, b: number, newest: number, memory: CellMemory, to: number): void {
  const { cells, vectors, scratch, scratchSize } = memory;
  const { width } = window.blocks[b]!;
  if (!vectors || width < vectorWidth || width === laneBlock || newest * width > scratchSize) {
    window.load(b, newest, cells, to, laneBlock);
    return;
  }
  window.load(b, newest, cells, scratch, width);
  vectors.spread(width, newest, 4 * scratch, 4 * to, 4 * laneBlock);
}

/** Rows `[from, from + count)` of planes `[channel][rows]`. */
interface Fresh {
  readonly planes: Float32Array;
  readonly rows: number;
  readonly from: number;
  readonly count: number;
}

/** Writes the new samples of a piece, no more at once than the window can hold. */
function writeParts(job: PackedJob, at: number, fresh: Fresh, call: Call): void {
  const { window } = job;
  const { blocks, capacity } = window;
  const { history, masks } = call.packed;
  for (let done = 0; done < fresh.count; done += capacity) {
    const count = Math.min(capacity, fresh.count - done);
    const known = history + done;
    const part = { ...fresh, from: fresh.from + done, count };
    writeRows(job, at, part, known, call, (b, place, odd) => {
      const { cells, vectors } = call.grid.memory;
      if (odd !== 0 && vectors && blocks[b]!.width >= vectorWidth)
        markRows(job, at, b, place, count, known, call);
      else window.takeRows(b, count, cells, place, laneBlock, odd);
    });
    window.advance(count);
    for (let b = 0; b < blocks.length; b++) {
      if (masks[at + b]! >= 0 || !window.whole(b, count)) maskNewest(job, at, b, count, known, call);
    }
  }
}

/**
 * Writes more new samples than the window can hold, where all of them are ordinary: it is given the newest.
 *
 * @returns whether they were
 */
function writeWhole(job: PackedJob, at: number, fresh: Fresh, call: Call): boolean {
  const { window } = job;
  const { capacity } = window;
  const { packed, grid } = call;
  const known = packed.history + fresh.count - capacity;
  let found = 0;
  writeRows(job, at, fresh, packed.history, call, (_, __, odd) => {
    found |= odd;
  });
  if (found !== 0) return false;
  for (let b = 0; b < window.blocks.length; b++) {
    const place = grid.cell(packed.seats[at + b]!) + known * laneBlock;
    window.takeRows(b, capacity, grid.memory.cells, place, laneBlock, 0);
    if (packed.masks[at + b]! >= 0) fillMask(job, at, b, fresh.count, packed.history, call);
  }
  window.advance(capacity);
  return true;
}

/**
 * Writes new samples to the grid as they are, behind the `known` ones of a piece.
 *
 * @param written is told each block, its first cell, and which rows are worth looking at
 */
function writeRows(
  job: PackedJob,
  at: number,
  fresh: Fresh,
  known: number,
  { packed, grid }: Call,
  written: (block: number, place: number, odd: number) => void,
): void {
  const { blocks } = job.window;
  const { planes, rows, from, count } = fresh;
  const { cells, vectors, scratch } = grid.memory;
  for (let b = 0; b < blocks.length; ) {
    const end = scratched(fresh, blocks, b, grid.memory);
    let source = 4 * scratch;
    for (const last = Math.max(end, b + 1); b < last; b++) {
      const { first, width } = blocks[b]!;
      const place = grid.cell(packed.seats[at + b]!) + known * laneBlock;
      if (b < end) {
        const odd = vectors!.interleave(width, count, source, 4 * rows, 4 * place, 4 * laneBlock);
        source += 4 * width * rows;
        written(b, place, odd);
      } else {
        const plane = first * rows + from;
        written(b, place, interleave(width, count, planes, plane, rows, cells, place, laneBlock));
      }
    }
  }
}

/** What `markRows` needs at the end of the scratch: a mask nobody wants, and bits. */
const markCells = (count: number): number => count * laneBlock + Math.ceil(count / 2);

/** Gives the window rows with something missing, after taking it out of them and, where there is one, of their mask. */
function markRows(
  { window }: PackedJob,
  at: number,
  block: number,
  place: number,
  count: number,
  known: number,
  { packed, grid }: Call,
): void {
  const { cells, halves, vectors, scratch, scratchSize } = grid.memory;
  const { width } = window.blocks[block]!;
  const seat = at + block;
  const spare = scratch + scratchSize - markCells(count);
  const mask = packed.masks[seat]! < 0 ? spare : grid.cell(packed.masks[seat]!) + known * laneBlock;
  const bitsAt = spare + count * laneBlock;
  const found = vectors!.mark(width, count, 4 * place, 4 * mask, 4 * laneBlock, 4 * bitsAt);
  window.takeMarked(block, count, cells, place, laneBlock, halves, 2 * bitsAt, (found & 2) !== 0);
  if (packed.masks[seat]! < 0) return;
  const holes = seat * packed.outputs + known - packed.history;
  for (let row = 0; row < count; row++) packed.holes[holes + row] = halves[2 * bitsAt + row]!;
}

/**
 * Copies the planes of as many blocks from `first` on to the scratch as can be interleaved there.
 *
 * @returns the block behind the last; `first` where there is none
 */
function scratched(
  { planes, rows, count }: Fresh,
  blocks: readonly ChannelBlock[],
  first: number,
  memory: CellMemory,
): number {
  let end = first;
  // A part of the rows does not lie in one run.
  if (!memory.vectors || count !== rows || planes.length < fewSamples) return end;
  const from = blocks[first]!.first * rows;
  let to = from;
  for (; end < blocks.length && blocks[end]!.width >= vectorWidth; end++) {
    const next = to + blocks[end]!.width * rows;
    if (next - from > memory.scratchSize - markCells(count)) break;
    to = next;
  }
  if (end > first) memory.cells.set(planes.subarray(from, to), memory.scratch);
  return end;
}

/** Brings the mask of a block up to date, or begins one, and takes what is missing out of its samples. */
function maskNewest(
  job: PackedJob,
  at: number,
  block: number,
  count: number,
  known: number,
  call: Call,
): void {
  const { packed, grid } = call;
  const { window } = job;
  const { width } = window.blocks[block]!;
  if (packed.masks[at + block]! < 0) {
    const mask = claimMask(call, job, at, block);
    fillRows(width, known, 1, grid.memory.cells, grid.cell(mask), laneBlock);
  } else if (!window.whole(block, count) && grid.memory.vectors && width >= vectorWidth) {
    // `markRows` has done it.
    return;
  }
  if (window.whole(block, count)) {
    fillMask(job, at, block, count, known, call);
    return;
  }
  const { cells } = grid.memory;
  const maskAt = grid.cell(packed.masks[at + block]!) + known * laneBlock;
  window.load(block, count, cells, grid.cell(packed.seats[at + block]!) + known * laneBlock, laneBlock);
  window.loadMask(block, count, cells, maskAt, laneBlock);
  const holes = (at + block) * packed.outputs + known - packed.history;
  window.loadHoles(block, count, packed.holes, holes);
}

/** Nothing is missing in `count` new samples of a block that has a mask. */
function fillMask(
  { window }: PackedJob,
  at: number,
  block: number,
  count: number,
  known: number,
  { packed, grid }: Call,
): void {
  const to = grid.cell(packed.masks[at + block]!) + known * laneBlock;
  fillRows(window.blocks[block]!.width, count, 1, grid.memory.cells, to, laneBlock);
}

/** A seat for a block's mask. Per channel it must meet its channel's kernel: a piece's masks share a batch row. */
function claimMask(call: Call, job: PackedJob, at: number, block: number, kept?: number): number {
  const { packed, shape, grid } = call;
  const { blocks } = job.window;
  let mask = kept ?? -1;
  if (mask < 0 && shape.perChannel) {
    for (let b = 0; b < blocks.length && mask < 0; b++) {
      if (packed.masks[at + b]! >= 0) mask = packed.masks[at + b]! - blocks[b]!.first;
    }
    mask = (mask < 0 ? grid.claimRow() : mask) + blocks[block]!.first;
  }
  if (mask < 0) mask = grid.claim(blocks[block]!.width);
  packed.masks[at + block] = mask;
  if (!job.masked && packed.holes.length === 0) {
    packed.holes = new Uint16Array(packed.outputs * packed.seats.length);
  }
  job.masked = true;
  return mask;
}
