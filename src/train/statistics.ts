import type { ChannelWindows } from './windows.ts';

/** Sums over windows of one channel. */
export interface Moments {
  readonly windows: number;
  /** `[i·K + j]` = E[(x[n-i] - y[n])·(x[n-j] - y[n])], symmetric; with Σ w = 1, w'Mw is the mean square error of w. */
  readonly matrix: Float64Array;
  /** E[x[n-j] - y[n]]. */
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
 * All of it is made of differences, so a large level under a small signal costs no digits.
 */
export function moments(recordings: readonly ChannelWindows[], taps: number): Moments {
  const row = new Float64Array(taps);
  const cross = new Float64Array(taps);
  const sums = new Float64Array(taps);
  const edges = new Float64Array(taps * taps);
  let squares = 0;
  let windows = 0;
  for (const { x, y, from, runs } of recordings) {
    const differences = (n: number) => Float64Array.from(row, (_, j) => x[n - j]! - y[n - from]!);
    for (const [first, end] of runs) {
      windows += end - first;
      for (let n = first; n < end; n++) {
        const target = y[n - from]!;
        const newest = x[n]! - target;
        // δ of the next window; the last one has none in this run.
        const delta = n + 1 < end ? target - y[n + 1 - from]! : 0;
        squares += delta * delta;
        for (let j = 0; j < taps; j++) {
          const d = x[n - j]! - target;
          row[j]! += newest * d;
          cross[j]! += delta * d;
          sums[j]! += d;
        }
      }
      addEdges(edges, differences(first), differences(end - 1));
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
  return { windows, matrix, mean: sums.map((total) => (windows === 0 ? 0 : total / windows)) };
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
