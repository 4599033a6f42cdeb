/** Moving samples between planes `[channel][row]` and rows `[row][width]`, which lie `stride` cells apart. */

/** From here on `set` beats a loop: below it, making the view costs more than copying (measured on Node 20). */
const longRun = 64;

/** Copies `count` rows of `width` cells (16, 8, 4, 2 or 1). */
export function copyRows(
  width: number,
  count: number,
  source: Float32Array,
  from: number,
  sourceStride: number,
  target: Float32Array,
  to: number,
  targetStride: number,
): void {
  if (sourceStride === width && targetStride === width && count * width >= longRun) {
    target.set(source.subarray(from, from + count * width), to);
    return;
  }
  let a = from;
  let b = to;
  if (width >= 4) {
    for (let row = 0; row < count; row++, a += sourceStride, b += targetStride) {
      for (let i = 0; i < width; i += 4) {
        target[b + i] = source[a + i]!;
        target[b + i + 1] = source[a + i + 1]!;
        target[b + i + 2] = source[a + i + 2]!;
        target[b + i + 3] = source[a + i + 3]!;
      }
    }
    return;
  }
  for (let row = 0; row < count; row++, a += sourceStride, b += targetStride) {
    target[b] = source[a]!;
    if (width === 2) target[b + 1] = source[a + 1]!;
  }
}

/** Copies `count` cells. */
export function copyCells(
  source: Float32Array,
  from: number,
  count: number,
  target: Float32Array,
  to: number,
): void {
  if (count >= longRun) target.set(source.subarray(from, from + count), to);
  else for (let i = 0; i < count; i++) target[to + i] = source[from + i]!;
}

/** An array to be written whole: much memory is not filled with zeros first. */
export function unwritten(cells: number): Float32Array {
  // Not from the pool of `Buffer`: the memory is this array's alone.
  return cells < 1024 ? new Float32Array(cells) : new Float32Array(Buffer.allocUnsafeSlow(4 * cells).buffer);
}

/** Sets `count` rows of `width` cells to one value. */
export function fillRows(
  width: number,
  count: number,
  value: number,
  target: Float32Array,
  to: number,
  stride: number,
): void {
  if (width === stride) {
    target.fill(value, to, to + count * width);
    return;
  }
  for (let row = 0, at = to; row < count; row++, at += stride) {
    for (let i = 0; i < width; i++) target[at + i] = value;
  }
}

/** Magnitudes below it are ordinary: finite, and so are their weighted sums. */
export const ordinary = 2 ** 100;

/**
 * Copies `count` samples of each of `width` channels from planes, a channel every `planeStride` cells, to rows `stride`
 * cells apart. As they are, one pass.
 *
 * @returns which rows are worth looking at: all that hold anything that is not ordinary are among them. Bit i is for row
 *   i, bit 31 for all from 31 on.
 */
export function interleave(
  width: number,
  count: number,
  planes: Float32Array,
  from: number,
  planeStride: number,
  target: Float32Array,
  to: number,
  stride: number,
): number {
  let odd = 0;
  if (width >= 4) {
    for (let lane = 0; lane < width; lane += 4) {
      let a = from + lane * planeStride;
      let b = a + planeStride;
      let c = b + planeStride;
      let d = c + planeStride;
      let at = to + lane;
      for (let row = 0; row < count; row++, at += stride) {
        const p = planes[a++]!;
        const q = planes[b++]!;
        const r = planes[c++]!;
        const s = planes[d++]!;
        target[at] = p;
        target[at + 1] = q;
        target[at + 2] = r;
        target[at + 3] = s;
        // Written so that NaN fails.
        if (!(Math.abs(p) + Math.abs(q) + Math.abs(r) + Math.abs(s) < ordinary))
          odd |= 1 << Math.min(row, 31);
      }
    }
    return odd;
  }
  for (let lane = 0; lane < width; lane++) {
    let a = from + lane * planeStride;
    let at = to + lane;
    for (let row = 0; row < count; row++, at += stride) {
      const p = planes[a++]!;
      target[at] = p;
      if (!(Math.abs(p) < ordinary)) odd |= 1 << Math.min(row, 31);
    }
  }
  return odd;
}
