import { centred } from './centre.ts';
import { type ChannelWindows, windowChunks } from './windows.ts';

/** Sums over windows of one channel. */
export interface Moments {
  readonly windows: number;
  /** c, taken off every difference; 0 unless wanted. */
  readonly centre: number;
  /**
   * `[i·K + j]` = E[(x[n-i] - y[n] - c)·(x[n-j] - y[n] - c)], symmetric; with Σ w = 1 and c = 0, w'Mw is the mean square
   * error of w.
   */
  readonly matrix: Float64Array;
  /** E[x[n-j] - y[n] - c]. */
  readonly mean: Float64Array;
}

/**
 * The second moments of the differences between a window's samples and its target, in O(windows·K): with
 * d_i[n] = x[n-i] - y[n] and δ[n] = y[n-1] - y[n], d_{i+1}[n] = d_i[n-1] + δ[n], so that over a run of consecutive
 * windows each entry follows from its neighbour on the diagonal,
 *
 *     Σ d_{i+1} d_{j+1} = Σ d_i d_j + Σ δ·d_i + Σ δ·d_j + Σ δ² + what enters at the run's first window
 *                         - what leaves at its last
 *
 * All of it is made of differences, so a large level under a small signal costs no digits; nor does one between samples
 * and targets that is near the centre c.
 */
export function moments(recordings: readonly ChannelWindows[], taps: number, centre = 0): Moments {
  const row = new Float64Array(taps);
  const cross = new Float64Array(taps);
  const sums = new Float64Array(taps);
  const edges = new Float64Array(taps * taps);
  let squares = 0;
  let windows = 0;
  for (const recording of recordings) {
    for (const { x, y: targets, from, runs } of windowChunks(recording, recording.from)) {
      const y = centred(targets, centre);
      const differences = (n: number) => Float64Array.from(row, (_, j) => x[n - j]! - y[n - from]!);
      const newest = y.map((target, i) => x[from + i]! - target);
      const deltas = y.map((target, i) => target - y[i + 1]!);
      for (const [first, end] of runs) {
        windows += end - first;
        // δ of the next window; the last one has none in this run.
        deltas[end - 1 - from] = 0;
        for (let n = first; n < end; n++) squares += deltas[n - from]! ** 2;
        for (let at = first; at < end; at += block) {
          addProducts({ x, y, newest, deltas, from }, at, Math.min(at + block, end), row, cross);
        }
        addSums(sums, x, newest, from, first, end);
        addEdges(edges, differences(first), differences(end - 1));
      }
    }
  }
  const matrix = new Float64Array(taps * taps);
  for (let j = 0; j < taps; j++) matrix[j] = row[j]!;
  for (let i = 0; i + 1 < taps; i++) {
    for (let j = i; j + 1 < taps; j++) {
      matrix[(i + 1) * taps + j + 1] =
        matrix[i * taps + j]! + cross[i]! + cross[j]! + squares + edges[i * taps + j]!;
    }
  }
  for (let i = 0; i < taps; i++) {
    for (let j = i; j < taps; j++) {
      const mean = windows === 0 ? 0 : matrix[i * taps + j]! / windows;
      matrix[i * taps + j] = mean;
      matrix[j * taps + i] = mean;
    }
  }
  return { windows, centre, matrix, mean: sums.map((total) => (windows === 0 ? 0 : total / windows)) };
}

/** Windows whose products are summed at once: their samples stay in the first cache. */
const block = 1024;

/**
 * Adds Σ (x[n] - y[n])·d_j[n] to `row[j]` and Σ δ[n]·d_j[n] to `cross[j]` over the windows `[first, end)`: nearly all the
 * work of {@link moments}, four lags at a time so that the sums stay in registers.
 */
function addProducts(
  {
    x,
    y,
    newest,
    deltas,
    from,
  }: {
    readonly x: Float64Array;
    readonly y: Float64Array;
    readonly newest: Float64Array;
    readonly deltas: Float64Array;
    readonly from: number;
  },
  first: number,
  end: number,
  row: Float64Array,
  cross: Float64Array,
): void {
  const taps = row.length;
  let j = 0;
  for (; j + 4 <= taps; j += 4) {
    let [r0, r1, r2, r3] = [0, 0, 0, 0];
    let [c0, c1, c2, c3] = [0, 0, 0, 0];
    let [x1, x2, x3] = [x[first - j - 1]!, x[first - j - 2]!, x[first - j - 3]!];
    for (let n = first; n < end; n++) {
      const x0 = x[n - j]!;
      const i = n - from;
      const target = y[i]!;
      const u = newest[i]!;
      const delta = deltas[i]!;
      const d0 = x0 - target;
      const d1 = x1 - target;
      const d2 = x2 - target;
      const d3 = x3 - target;
      r0 += u * d0;
      r1 += u * d1;
      r2 += u * d2;
      r3 += u * d3;
      c0 += delta * d0;
      c1 += delta * d1;
      c2 += delta * d2;
      c3 += delta * d3;
      x3 = x2;
      x2 = x1;
      x1 = x0;
    }
    row[j]! += r0;
    row[j + 1]! += r1;
    row[j + 2]! += r2;
    row[j + 3]! += r3;
    cross[j]! += c0;
    cross[j + 1]! += c1;
    cross[j + 2]! += c2;
    cross[j + 3]! += c3;
  }
  for (; j < taps; j++) {
    let [r, c] = [0, 0];
    for (let n = first; n < end; n++) {
      const d = x[n - j]! - y[n - from]!;
      r += newest[n - from]! * d;
      c += deltas[n - from]! * d;
    }
    row[j]! += r;
    cross[j]! += c;
  }
}

/** Adds Σ d_j over a run: d_0 by summing, each further lag by what enters the run at its beginning and leaves at its end. */
function addSums(
  sums: Float64Array,
  x: Float64Array,
  newest: Float64Array,
  from: number,
  first: number,
  end: number,
): void {
  let total = 0;
  for (let n = first; n < end; n++) total += newest[n - from]!;
  for (let j = 0; j < sums.length; j++) {
    sums[j]! += total;
    total += x[first - j - 1]! - x[end - j - 1]!;
  }
}

/** Of a run: the products of its first window that enter one step down the diagonal, less those of its last. */
function addEdges(edges: Float64Array, first: Float64Array, last: Float64Array): void {
  const taps = first.length;
  for (let i = 0; i + 1 < taps; i++) {
    for (let j = i; j + 1 < taps; j++) {
      edges[i * taps + j]! += first[i + 1]! * first[j + 1]! - last[i]! * last[j]!;
    }
  }
}
