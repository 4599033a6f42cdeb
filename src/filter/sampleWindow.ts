/**
 * The last `size` samples of every channel of one stream, on the stream's one clock: all the state that filtering has.
 * All are missing at first. A missing sample (NaN, ±Infinity, a gap) is held as NaN and counted, per channel, as an
 * integer, so that "nothing is missing" is never a question of rounding.
 *
 * Each channel is a contiguous run that slides through a buffer of twice its length and is moved back to the front when
 * it arrives at the end: reading is one copy, pushing costs O(1) per sample.
 */
export class SampleWindow {
  readonly channels: number;
  /** Samples held of each channel: K - 1 for a kernel of K taps. */
  readonly size: number;
  readonly #capacity: number;
  /** `[channel][capacity]`; the window of each channel is `[end - size, end)`. */
  readonly #samples: Float32Array;
  /** How many of the `size` newest are missing, per channel. */
  readonly #missing: Uint16Array;
  #end: number;

  constructor(channels: number, size: number) {
    this.channels = channels;
    this.size = size;
    this.#capacity = 2 * size;
    this.#samples = new Float32Array(channels * this.#capacity);
    this.#missing = new Uint16Array(channels);
    this.#end = size;
    this.clear();
  }

  /** How many of the held samples of a channel are missing (0 … size). */
  missing(channel: number): number {
    return this.#missing[channel]!;
  }

  /**
   * Copies held samples of a channel to `target[at …]`: those of ages `oldest`, `oldest - 1`, … (`count` of them; age 1
   * is the newest, `size` the oldest held). Missing ones are NaN.
   */
  copy(channel: number, oldest: number, count: number, target: Float32Array, at: number): void {
    copySamples(this.#samples, channel * this.#capacity + this.#end - oldest, count, target, at);
  }

  /** Appends `rows` samples of every channel. @param planes `[channel][row]`; anything not finite is missing */
  push(planes: Float32Array, rows: number): void {
    const { size } = this;
    const kept = Math.min(rows, size);
    const at = this.#advance(kept);
    for (let c = 0; c < this.channels; c++) {
      const from = (c + 1) * rows - kept;
      const to = c * this.#capacity + at;
      let added = 0;
      if (!copyFinite(planes, from, kept, this.#samples, to)) {
        for (let i = to; i < to + kept; i++) {
          if (Number.isFinite(this.#samples[i])) continue;
          this.#samples[i] = Number.NaN;
          added++;
        }
      }
      if (added > 0 || this.#missing[c]! > 0) this.#count(c, added, kept);
    }
  }

  /** Appends `count` missing samples to every channel. */
  skip(count: number): void {
    if (count === 0) return;
    if (count >= this.size) {
      this.clear();
      return;
    }
    const at = this.#advance(count);
    for (let c = 0; c < this.channels; c++) {
      const to = c * this.#capacity + at;
      this.#samples.fill(Number.NaN, to, to + count);
      this.#count(c, count, count);
    }
  }

  /** Makes everything missing, as in a new window. */
  clear(): void {
    this.#samples.fill(Number.NaN);
    this.#missing.fill(this.size);
  }

  /** Makes room for `count` ≤ size samples and returns where they go. */
  #advance(count: number): number {
    if (this.#end + count > this.#capacity) {
      for (let c = 0; c < this.channels; c++) {
        const start = c * this.#capacity;
        this.#samples.copyWithin(start, start + this.#end - this.size, start + this.#end);
      }
      this.#end = this.size;
    }
    const at = this.#end;
    this.#end += count;
    return at;
  }

  /** Brings the count of a channel up to date once `count` samples, `added` of them missing, have been appended. */
  #count(channel: number, added: number, count: number): void {
    const left = channel * this.#capacity + this.#end - this.size - count;
    let missing = this.#missing[channel]! + added;
    for (let i = left; i < left + count; i++) if (Number.isNaN(this.#samples[i])) missing--;
    this.#missing[channel] = missing;
  }
}

/** From here on `set` beats a loop: below it, making the view costs more than copying (measured on Node 20). */
const longRun = 32;

/** `target[at …] = source[from … from + count)`. */
function copySamples(
  source: Float32Array,
  from: number,
  count: number,
  target: Float32Array,
  at: number,
): void {
  if (count >= longRun) target.set(source.subarray(from, from + count), at);
  else for (let i = 0; i < count; i++) target[at + i] = source[from + i]!;
}

/** `target[at …] = source[from … from + count)`, as they are. @returns whether all of them are finite */
export function copyFinite(
  source: Float32Array,
  from: number,
  count: number,
  target: Float32Array,
  at: number,
): boolean {
  // 0 unless something was not finite: one test behind the loop instead of one in it.
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const sample = source[from + i]!;
    target[at + i] = sample;
    sum += 0 * sample;
  }
  return sum === 0;
}
