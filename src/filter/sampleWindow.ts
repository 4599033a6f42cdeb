import { type ChannelBlock, channelBlocks } from './channelBlocks.ts';
import type { Seating } from './grid.ts';
import { copyRows, fillRows, interleave, ordinary } from './rows.ts';

/** A window has room for a few more samples than it promises, so that little is pushed in many steps: 4 KiB of them. */
const roomCells = 1024;

/**
 * The last `size` samples of every channel of one stream, on the stream's one clock: all the state that filtering has.
 * All are missing at first. A missing sample (NaN, ±Infinity, a gap) is held as 0 beside a bit that says so, and its row
 * is remembered as an integer, so that "nothing is missing" is never a question of rounding.
 *
 * Channels lie in blocks (`channelBlocks`), each a ring of rows as the engine's grid wants them: taking a window there
 * is one or two runs of memory a block.
 */
export class SampleWindow {
  readonly channels: number;
  /** Samples held of each channel: K - 1 for a kernel of K taps. */
  readonly size: number;
  readonly blocks: readonly ChannelBlock[];
  /** Rows of each ring: `size` or more, and the most that is taken or given at once. */
  readonly capacity: number;
  /** Changes with whatever changes the samples held. */
  version = 0;
  /** Where the engine has this window's samples in place. */
  seating: Seating | undefined;
  /** `[block][capacity][width]`; block b begins at `blocks[b].first * capacity`. */
  readonly #samples: Float32Array;
  /** `[block][capacity]`: bit i is set where channel i of the block is missing. */
  readonly #holes: Uint16Array;
  /** Rows ever appended. */
  #rows = 0;
  /** The newest row that is missing, of each channel and of each block's channels. */
  readonly #lastHole: Float64Array;
  readonly #lastHoleOfBlock: Float64Array;
  /** The newest row that is missing of any channel: of ten thousand windows another array is another miss of the cache. */
  #newestHole = -1;
  /** The newest row that may hold a magnitude that is not ordinary. */
  #lastWild = Number.NEGATIVE_INFINITY;
  /** Whether such a magnitude is among the rows that come next. */
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
    this.#lastHole = new Float64Array(channels);
    this.#lastHoleOfBlock = new Float64Array(this.blocks.length);
    this.clear();
  }

  /** How many of the `newest` (≤ capacity) samples of a channel are missing. */
  missing(channel: number, newest: number = this.size): number {
    const block = this.blocks.findIndex(({ first, width }) => channel < first + width);
    const lane = channel - this.blocks[block]!.first;
    let missing = 0;
    for (let age = 1; age <= newest; age++) {
      missing += (this.#holes[block * this.capacity + this.#position(age)]! >> lane) & 1;
    }
    return missing;
  }

  /** For each channel how many of the next outputs of a kernel of K taps will see a sample that is missing now. */
  outputsHoled(taps: number): Int32Array {
    const outputs = new Int32Array(this.channels);
    const lastHole = this.#lastHole;
    const gone = this.#rows - taps;
    for (let c = 0; c < outputs.length; c++) {
      const last = lastHole[c]!;
      if (last > gone) outputs[c] = last - gone;
    }
    return outputs;
  }

  /** Whether the `newest` rows of a block have no hole. */
  whole(block: number, newest: number): boolean {
    const since = this.#rows - 1 - newest;
    return since >= this.#newestHole || since >= this.#lastHoleOfBlock[block]!;
  }

  /** Whether the `newest` rows are known to hold ordinary magnitudes only: their weighted sums cannot overflow. */
  calm(newest: number): boolean {
    return this.#rows - 1 - this.#lastWild >= newest;
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
    const ring = block * this.capacity;
    let position = this.#position(newest);
    fillRows(this.blocks[block]!.width, newest, 1, target, at, stride);
    for (let row = 0, to = at; row < newest; row++, to += stride) {
      for (let bits = this.#holes[ring + position]!; bits !== 0; bits &= bits - 1) {
        target[to + 31 - Math.clz32(bits & -bits)] = 0;
      }
      if (++position === this.capacity) position = 0;
    }
  }

  /** Copies which channels of a block are missing (bit i: channel i) in its `newest` rows. */
  loadHoles(block: number, newest: number, target: Uint16Array, at: number): void {
    const ring = block * this.capacity;
    let position = this.#position(newest);
    for (let row = 0; row < newest; row++) {
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
      this.#settle(b, 0, part, odd);
      if (part === kept) continue;
      const wrapped = interleave(width, kept - part, planes, plane + part, rows, samples, ring, width);
      this.#settle(b, part, kept - part, wrapped);
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
    const part = this.#copyIn(block, count, source, at, stride);
    this.#settle(block, 0, part, odd);
    // An arithmetic shift: the last bit stands for all rows behind.
    if (part < count) this.#settle(block, part, count - part, odd >> Math.min(part, 31));
  }

  /**
   * As `takeRows`, of rows that have been looked at: 0 where missing.
   *
   * @param holes from `bitsAt` on for each row the channels that are missing, a bit each
   * @param wild whether a magnitude is not ordinary
   */
  takeMarked(
    block: number,
    count: number,
    source: Float32Array,
    at: number,
    stride: number,
    holes: Uint16Array,
    bitsAt: number,
    wild: boolean,
  ): void {
    const part = this.#copyIn(block, count, source, at, stride);
    this.#wild ||= wild;
    const { first } = this.blocks[block]!;
    const ring = block * this.capacity;
    let to = ring + this.#end;
    for (let row = 0; row < count; row++, to++) {
      if (row === part) to = ring;
      const bits = holes[bitsAt + row]!;
      if (bits === 0) this.#holes[to] = 0;
      else this.#noteHoles(block, first, to, row, bits);
    }
  }

  /** Appends the rows that every block has been given. */
  advance(count: number): void {
    this.version++;
    this.#rows += count;
    this.#end = (this.#end + count) % this.capacity;
    if (this.#wild) this.#lastWild = this.#rows - 1;
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
        const position = (this.#end + i) % this.capacity;
        const at = first * this.capacity + position * width;
        this.#samples.fill(0, at, at + width);
        this.#holes[b * this.capacity + position] = (1 << width) - 1;
      }
    }
    this.advance(count);
    this.#lastHole.fill(this.#rows - 1);
    this.#lastHoleOfBlock.fill(this.#rows - 1);
    this.#newestHole = this.#rows - 1;
  }

  /** Makes everything missing, as in a new window. */
  clear(): void {
    this.version++;
    this.#samples.fill(0);
    for (const [b, { width }] of this.blocks.entries()) {
      this.#holes.fill((1 << width) - 1, b * this.capacity, (b + 1) * this.capacity);
    }
    this.#lastHole.fill(this.#rows - 1);
    this.#lastHoleOfBlock.fill(this.#rows - 1);
    this.#newestHole = this.#rows - 1;
    this.#lastWild = Number.NEGATIVE_INFINITY;
  }

  /** Copies rows that come next to the ring of a block. @returns how many lie before its end, the rest is at its front */
  #copyIn(block: number, count: number, source: Float32Array, at: number, stride: number): number {
    const { first, width } = this.blocks[block]!;
    const ring = first * this.capacity;
    const part = Math.min(count, this.capacity - this.#end);
    copyRows(width, part, source, at, stride, this.#samples, ring + this.#end * width, width);
    if (part < count)
      copyRows(width, count - part, source, at + part * stride, stride, this.#samples, ring, width);
    return part;
  }

  /**
   * Looks at `count` rows written as they came, `from` rows behind the newest: notes what is missing or not ordinary.
   * They lie in one run of the ring.
   *
   * @param odd which rows are worth looking at, as `interleave` tells it
   */
  #settle(block: number, from: number, count: number, odd: number): void {
    const { capacity } = this;
    const position = (this.#end + from) % capacity;
    const holes = block * capacity + position;
    if (!this.whole(block, capacity)) this.#holes.fill(0, holes, holes + count);
    if (odd === 0) return;
    const { first, width } = this.blocks[block]!;
    for (let row = 0; row < count; row++) {
      if (((odd >> Math.min(row, 31)) & 1) === 0) continue;
      const bits = this.#lookedAt(first * capacity + (position + row) * width, width);
      if (bits === 0) continue;
      this.#noteHoles(block, first, holes + row, from + row, bits);
    }
  }

  /** Writes down what is missing in a row that comes next but `row`. */
  #noteHoles(block: number, first: number, at: number, row: number, bits: number): void {
    const number = this.#rows + row;
    this.#holes[at] = bits;
    this.#lastHoleOfBlock[block] = number;
    if (number > this.#newestHole) this.#newestHole = number;
    for (let rest = bits; rest !== 0; rest &= rest - 1) {
      this.#lastHole[first + 31 - Math.clz32(rest & -rest)] = number;
    }
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
