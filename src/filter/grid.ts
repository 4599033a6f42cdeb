import { laneBlock } from '../model/encodePlan.ts';
import { type CellMemory, giveBackMemory, takeMemory } from './cellMemory.ts';
import type { GridShape } from './layout.ts';
import type { SampleWindow } from './sampleWindow.ts';

/** Where a grid has a window's samples: kept with the window, read and written by grid and packing only. */
export interface Seating {
  readonly grid: Grid;
  /** The call that left them there, and the window's version then. */
  call: number;
  version: number;
  /** The first lane of each block, and of its mask (-1 where it has none). */
  readonly seats: Int32Array;
  readonly masks: Int32Array;
}

/** What is kept between calls (float32 cells): 8 MiB, some 500 blocks of 16 lanes at K = 257. */
const keptCells = 2 * 2 ** 20;

/**
 * The input of one call at a time, `[batch row][lanes / 16][K - 1 + T][16]`, and who sits in which lane. Lanes are
 * numbered through all batch rows; lane a begins at `cell(a)`, its samples lie 16 cells apart.
 *
 * It slides. The next call of the same T begins T rows further on in the same memory: the newest K - 1 samples of every
 * lane then lie where its history belongs, and T new ones overwrite the oldest T of the lanes behind. So a stream that
 * comes again keeps its lanes and only its new samples are written; at the end of the memory all is moved to the front,
 * once in many calls. A stream that stayed away, or had another number of rows, is loaded from its window when it
 * comes again: windows are the truth, and a window's version tells whether the grid still agrees.
 *
 * What no job claimed holds anything finite. A grid belongs to one call from `begin` to `end`.
 */
export class Grid {
  readonly #lanes: number;
  readonly #history: number;
  #memory: CellMemory | undefined;
  /** The first cell of the call's input. */
  #origin = 0;
  #outputs = 0;
  /** K - 1 + T. */
  #length = 0;
  /** Batch rows in use, and how many there is memory for. */
  #rows = 0;
  #room = 0;
  /** Seats from this batch row on are given up: what is left of a wide grid moves together. */
  #limit = 0;
  #call = 0;
  /** Whether the seats of the last call are good. */
  #slid = false;
  /** Per batch row, a bit for each lane taken (all where a row belongs to one stream). */
  #taken = new Uint16Array(64);
  /** The first batch row that may have room for a block of 2^i lanes. */
  readonly #from = new Int32Array(5);

  constructor({ lanes, taps }: Pick<GridShape, 'lanes' | 'taps'>) {
    this.#lanes = lanes;
    this.#history = taps - 1;
  }

  /** Changes when lanes are claimed; there is none before the first. */
  get memory(): CellMemory {
    return this.#memory!;
  }

  /** Where a lane's first sample lies in `memory`. Changes when lanes are claimed. */
  cell(lane: number): number {
    const place = lane & (laneBlock - 1);
    return this.#origin + (lane - place) * this.#length + place;
  }

  /** Begins a call. @param lanes how many lanes will be claimed, as far as is known */
  begin(outputs: number, lanes: number): void {
    const expected = Math.ceil(lanes / this.#lanes);
    this.#slid = this.#memory !== undefined && outputs === this.#outputs;
    if (this.#slid) {
      this.#origin += outputs * laneBlock;
    } else {
      this.#origin = 0;
      this.#rows = 0;
      this.#outputs = outputs;
      this.#length = this.#history + outputs;
    }
    this.#limit = expected + (expected >> 2) + 1;
    this.#rows = Math.min(this.#rows, this.#limit);
    this.#makeRoom(Math.max(expected, this.#rows));
    this.#taken.fill(0);
    this.#from.fill(0);
    this.#rows = 0;
    this.#call++;
  }

  /** Claims the lanes that a window had in the last call, where its newest K - 1 samples are still in place there. */
  keeps({ seating, version, blocks }: SampleWindow): boolean {
    if (!this.#slid || seating?.grid !== this) return false;
    if (seating.call !== this.#call - 1 || seating.version !== version) return false;
    const { seats, masks } = seating;
    const end = this.#limit * this.#lanes;
    for (let b = 0; b < seats.length; b++) if (seats[b]! >= end || masks[b]! >= end) return false;
    for (let b = 0; b < seats.length; b++) {
      const { width } = blocks[b]!;
      this.#take(seats[b]!, width);
      if (masks[b]! >= 0) this.#take(masks[b]!, width);
    }
    return true;
  }

  /** Claims `width` neighbouring lanes of one block. Only where all lanes have the same kernel. */
  claim(width: number): number {
    const size = 31 - Math.clz32(width);
    const bits = (1 << width) - 1;
    for (let row = this.#from[size]!; ; row++) {
      this.#openRow(row);
      const taken = this.#taken[row]!;
      for (let lane = 0; lane < laneBlock; lane += width) {
        if ((taken & (bits << lane)) !== 0) continue;
        this.#from[size] = row;
        this.#taken[row] = taken | (bits << lane);
        return row * laneBlock + lane;
      }
    }
  }

  /** Claims a batch row. @returns its first lane */
  claimRow(): number {
    let row = this.#from[0]!;
    while (row < this.#rows && this.#taken[row]! !== 0) row++;
    this.#openRow(row);
    this.#taken[row] = 1;
    this.#from[0] = row + 1;
    return row * this.#lanes;
  }

  /** Notes that the window's newest K - 1 samples will be in place for the next call. */
  seat(window: SampleWindow, seats: Int32Array, masks: Int32Array, at: number): void {
    const count = window.blocks.length;
    if (window.seating?.grid !== this) {
      window.seating = {
        grid: this,
        call: 0,
        version: 0,
        seats: new Int32Array(count),
        masks: new Int32Array(count),
      };
    }
    const seating = window.seating;
    for (let b = 0; b < count; b++) {
      seating.seats[b] = seats[at + b]!;
      seating.masks[b] = masks[at + b]!;
    }
    seating.call = this.#call;
    seating.version = window.version;
  }

  /** What the runtime is given: batch rows up to the last one claimed. */
  input(): { readonly x: Float32Array; readonly batchRows: number; readonly length: number } {
    if (this.#rows === 0) return { x: new Float32Array(), batchRows: 0, length: this.#length };
    const cells = this.#rows * this.#lanes * this.#length;
    return {
      x: this.#memory!.cells.subarray(this.#origin, this.#origin + cells),
      batchRows: this.#rows,
      length: this.#length,
    };
  }

  /** The call is over: its answer has been read. */
  end(): void {
    if (this.#memory && this.#memory.scratch > keptCells) this.release();
  }

  /** Gives the memory back. */
  release(): void {
    if (this.#memory) giveBackMemory(this.#memory);
    this.#memory = undefined;
    this.#room = 0;
  }

  #take(lane: number, width: number): void {
    const row = Math.floor(lane / this.#lanes);
    this.#openRow(row);
    this.#taken[row] = this.#taken[row]! | (((1 << width) - 1) << (lane & (laneBlock - 1)));
  }

  #openRow(row: number): void {
    if (row < this.#rows) return;
    if (row >= this.#room) this.#makeRoom(row + 1 + (row >> 1));
    this.#rows = row + 1;
  }

  /** Makes room for so many batch rows; those in use stay as they are, in memory that may be another. */
  #makeRoom(rows: number): void {
    const row = this.#lanes * this.#length;
    const cells = rows * row;
    const origin = this.#origin;
    const inUse = this.#rows * row;
    const old = this.#memory;
    const had = old?.scratch ?? 0;
    // A quarter more, so that sliding seldom comes to the end; far more than that goes to who needs it.
    if (!old || cells > had || had > 8 * cells + keptCells / 8) {
      this.#memory = takeMemory(cells + (cells >> 2) + laneBlock * this.#outputs);
      if (old) {
        this.#memory.cells.set(old.cells.subarray(origin, Math.min(origin + inUse, had)));
        giveBackMemory(old);
      }
      this.#origin = 0;
    } else if (origin + cells > had) {
      old.cells.copyWithin(0, origin, Math.min(origin + inUse, had));
      this.#origin = 0;
    }
    this.#room = Math.floor((this.#memory!.scratch - this.#origin) / row);
    if (this.#room <= this.#taken.length) return;
    const taken = new Uint16Array(this.#room);
    taken.set(this.#taken);
    this.#taken = taken;
  }
}
