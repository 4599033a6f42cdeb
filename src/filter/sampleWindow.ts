import { type ChannelBlock, channelBlocks } from './channelBlocks.ts';
import type { Seating } from './grid.ts';
import { copyRows, fillRows, interleave, ordinary } from './rows.ts';

/** A window has room for a few more samples than it promises, so that little is pushed in many steps: 4 KiB of them. */
const roomCells = 1024;

/** "No hole yet" needs no exact count. */
const longQuiet = 2 ** 30;

/**
 * The last `size` samples of every channel of one stream, on the stream's one clock: all the state that filtering has.
 * All are missing at first. A missing sample (NaN, ±Infinity, a gap) is held as 0 beside a bit that says so, and the
 * bits are counted as integers, so that "nothing is missing" is never a question of rounding.
 *
 * Channels lie in blocks (`channelBlocks`), each a ring of rows as the engine's grid wants them: taking a window there
 * is one or two runs of memory a block.
 */
export class SampleWindow {
  readonly channels: number;
  /** Samples held of each channel: K - 1 for a kernel of K taps. */
  readonly size: number;
  readonly blocks: readonly ChannelBlock[];
  /** Rows of each ring: `size` or more, and the most that `load` gives. */
  readonly capacity: number;
  /** Changes with whatever changes the samples held. */
  version = 0;
  /** Where the engine has this window's samples in place. */
  seating: Seating | undefined;
  /** `[block][capacity][width]`; block b begins at `blocks[b].first * capacity`. */
  readonly #samples: Float32Array;
  /** `[block][capacity]`: bit i is set where channel i of the block is missing. */
  readonly #holes: Uint16Array;
  /** Rows since the newest hole, per block. */
  readonly #quiet: Int32Array;
  /** How many of the `size` newest are missing, per channel. */
  readonly #missing: Uint16Array;
  /** Rows pushed since the push that brought the newest magnitude that is not ordinary. */
  #calm = longQuiet;
  #wild = false;
  /** Where the next row goes. */
  #end = 0;

  constructor(channels: number, size: number) {
    this.channels = channels;
    this.size = size;
    this.blocks = channelBlocks(channels);
    this.capacity = Math.max(size, Math.ceil(roomCells / channels));
    this.#samples = new Float32Array(channels * this.capacity);
    this.#holes = new Uint16Array(this.blocks.length * this.capacity);
    this.#quiet = new Int32Array(this.blocks.length);
    this.#missing = new Uint16Array(channels);
    this.clear();
  }

  /** How many of the `newest` (≤ size) samples of a channel are missing. */
  missing(channel: number, newest: number = this.size): number {
    if (newest === this.size) return this.#missing[channel]!;
    const block = this.blocks.findIndex(({ first, width }) => channel < first + width);
    const lane = channel - this.blocks[block]!.first;
    let missing = 0;
    for (let age = 1; age <= newest; age++) {
      missing += (this.#holes[block * this.capacity + this.#position(age)]! >> lane) & 1;
    }
    return missing;
  }

  /** `missing` of every channel. */
  missingOf(newest: number): Uint16Array {
    if (newest === this.size) return this.#missing.slice();
    return Uint16Array.from(this.#missing, (_, channel) => this.missing(channel, newest));
  }

  /** Whether the `newest` rows of a block have no hole. */
  whole(block: number, newest: number): boolean {
    return this.#quiet[block]! >= newest;
  }

  /** Whether the `newest` rows are known to hold ordinary magnitudes only: their weighted sums cannot overflow. */
  calm(newest: number): boolean {
    return this.#calm >= newest;
  }

  /** Copies the `newest` (≤ capacity) rows of a block to rows of `target`, `stride` cells apart; 0 where missing. */
  load(block: number, newest: number, target: Float32Array, at: number, stride: number): void {
    const { first, width } = this.blocks[block]!;
    const start = this.#position(newest);
    const part = Math.min(newest, this.capacity - start);
    const ring = first * this.capacity;
    const samples = this.#samples;
    copyRows(width, part, samples, ring + start * width, width, target, at, stride);
    if (part < newest)
      copyRows(width, newest - part, samples, ring, width, target, at + part * stride, stride);
  }

  /** As `load`, but 1 where a sample is present and 0 where it is missing. */
  loadMask(block: number, newest: number, target: Float32Array, at: number, stride: number): void {
    const { width } = this.blocks[block]!;
    const ring = block * this.capacity;
    let position = this.#position(newest);
    fillRows(width, newest, 1, target, at, stride);
    for (let row = 0, to = at; row < newest; row++, to += stride) {
      const bits = this.#holes[ring + position]!;
      for (let left = bits; left !== 0; left &= left - 1) target[to + 31 - Math.clz32(left & -left)] = 0;
      if (++position === this.capacity) position = 0;
    }
  }

  /** Copies which channels of a block are missing (bit i: channel i), of `count` rows from that age on. */
  loadHoles(block: number, oldest: number, count: number, target: Uint16Array, at: number): void {
    const ring = block * this.capacity;
    let position = this.#position(oldest);
    for (let row = 0; row < count; row++) {
      target[at + row] = this.#holes[ring + position]!;
      if (++position === this.capacity) position = 0;
    }
  }

  /**
   * Appends `count` samples of every channel.
   *
   * @param planes `[channel][rows]`; anything not finite is missing
   * @param from the first row taken
   */
  push(planes: Float32Array, rows: number, from = 0, count: number = rows - from): void {
    // Of more than the ring holds only the newest matter, and they push out all the rest.
    const kept = Math.min(count, this.capacity);
    const start = from + count - kept;
    const part = Math.min(kept, this.capacity - this.#end);
    const samples = this.#samples;
    for (let b = 0; b < this.blocks.length; b++) {
      const { first, width } = this.blocks[b]!;
      const ring = first * this.capacity;
      const plane = first * rows + start;
      const odd = interleave(width, part, planes, plane, rows, samples, ring + this.#end * width, width);
      const wrapped =
        part < kept ? interleave(width, kept - part, planes, plane + part, rows, samples, ring, width) : 0;
      this.#settle(b, part, odd, kept - part, wrapped);
    }
    this.advance(kept);
  }

  /**
   * Takes what is to be appended to one block from rows; `advance` appends it once all blocks have been given.
   *
   * @param count at most `capacity`
   * @param odd which rows are worth looking at, as `interleave` tells it
   */
  takeRows(
    block: number,
    count: number,
    source: Float32Array,
    at: number,
    stride: number,
    odd: number,
  ): void {
    const { first, width } = this.blocks[block]!;
    const ring = first * this.capacity;
    const part = Math.min(count, this.capacity - this.#end);
    copyRows(width, part, source, at, stride, this.#samples, ring + this.#end * width, width);
    if (part < count)
      copyRows(width, count - part, source, at + part * stride, stride, this.#samples, ring, width);
    // An arithmetic shift: the last bit stands for all rows behind.
    this.#settle(block, part, odd, count - part, odd >> Math.min(part, 31));
  }

  /** Appends the rows that every block has been given. */
  advance(count: number): void {
    this.version++;
    this.#end = (this.#end + count) % this.capacity;
    this.#calm = this.#wild ? 0 : Math.min(this.#calm + count, longQuiet);
    this.#wild = false;
  }

  /** Appends `count` missing samples to every channel. */
  skip(count: number): void {
    if (count === 0) return;
    if (count >= this.size) {
      this.clear();
      return;
    }
    for (let b = 0; b < this.blocks.length; b++) {
      const { first, width } = this.blocks[b]!;
      for (let i = 0; i < count; i++) {
        const at = first * this.capacity + ((this.#end + i) % this.capacity) * width;
        this.#samples.fill(Number.NaN, at, at + width);
      }
      this.#note(b, 0, count, -1);
    }
    this.advance(count);
  }

  /** Makes everything missing, as in a new window. */
  clear(): void {
    this.version++;
    this.#samples.fill(0);
    this.#missing.fill(this.size);
    this.#calm = longQuiet;
    if (this.size === 0) {
      this.#quiet.fill(longQuiet);
      return;
    }
    this.#quiet.fill(0);
    for (const [b, { width }] of this.blocks.entries()) {
      this.#holes.fill(2 ** width - 1, b * this.capacity, (b + 1) * this.capacity);
    }
  }

  /** Looks at what has been written in two parts, from `#end` on and from the ring's beginning, where it is worth it. */
  #settle(block: number, count: number, odd: number, wrapped: number, oddWrapped: number): void {
    const quiet = this.#quiet[block]!;
    if ((odd | oddWrapped) === 0 && quiet >= this.capacity) {
      this.#quiet[block] = Math.min(quiet + count + wrapped, longQuiet);
      return;
    }
    this.#note(block, 0, count, odd);
    if (wrapped > 0) this.#note(block, count, wrapped, oddWrapped);
  }

  /**
   * Looks at `count` rows written as they came from `#end + from` on: notes what is missing or not ordinary, and what
   * they push out.
   *
   * @param odd which rows are worth looking at, as `interleave` tells it
   */
  #note(block: number, from: number, count: number, odd: number): void {
    const { first, width } = this.blocks[block]!;
    const { capacity, size } = this;
    const holes = block * capacity;
    let quiet = this.#quiet[block]!;
    let position = (this.#end + from) % capacity;
    let oldest = (position + capacity - size) % capacity;
    for (let row = 0; row < count; row++) {
      const looked = ((odd >> Math.min(row, 31)) & 1) === 1;
      const bits = looked ? this.#lookedAt(first * capacity + position * width, width) : 0;
      quiet = bits === 0 ? Math.min(quiet + 1, longQuiet) : 0;
      // Read before it is written: it may be the same place.
      const left = size === 0 ? bits : this.#holes[holes + oldest]!;
      this.#holes[holes + position] = bits;
      for (let changed = bits ^ left; changed !== 0; changed &= changed - 1) {
        const lane = 31 - Math.clz32(changed & -changed);
        this.#missing[first + lane]! += ((bits >> lane) & 1) * 2 - 1;
      }
      if (++position === capacity) position = 0;
      if (++oldest === capacity) oldest = 0;
    }
    this.#quiet[block] = quiet;
  }

  /** Sets what is missing in a row to 0 and tells which channels it is. */
  #lookedAt(at: number, width: number): number {
    let bits = 0;
    for (let lane = 0; lane < width; lane++) {
      const sample = this.#samples[at + lane]!;
      if (Math.abs(sample) < ordinary) continue;
      if (sample - sample === 0) {
        this.#wild = true;
      } else {
        this.#samples[at + lane] = 0;
        bits |= 1 << lane;
      }
    }
    return bits;
  }

  /** Where in a ring the row of that age lies. */
  #position(age: number): number {
    const position = this.#end - age;
    return position < 0 ? position + this.capacity : position;
  }
}
