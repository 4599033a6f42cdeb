import { type Family, mixtureTaps } from '../dsp/families.ts';

/** A class of kernels as the convex hull of its K vertices. */
export interface Hull {
  /** The kernel with weight `u[m]` on vertex m; newest tap first. */
  taps(u: ArrayLike<number>): Float64Array;
  /** The lag of each vertex (samples), rising from 0. */
  lags(taps: number): Float64Array;
  /** g·v for each vertex v. */
  scores(g: Float64Array): Float64Array;
  /** v'Mv' for each two vertices, K × K, from M of the taps. */
  gram(matrix: Float64Array, taps: number): Float64Array;
}

/** The K moving averages: all kernels `w[0] ≥ … ≥ w[K-1] ≥ 0`, Σ w = 1. */
const movingAverages: Hull = {
  taps: mixtureTaps,
  lags: (length) => Float64Array.from({ length }, (_, m) => m / 2),
  scores: runningMeans,
  gram(matrix, taps) {
    const gram = new Float64Array(taps * taps);
    const columns = new Float64Array(taps);
    // Sums over the leading (i+1) × (j+1) corner, one row more at a time, divided by its size.
    for (let i = 0; i < taps; i++) {
      let corner = 0;
      for (let j = 0; j < taps; j++) {
        columns[j]! += matrix[i * taps + j]!;
        corner += columns[j]!;
        gram[i * taps + j] = corner / ((i + 1) * (j + 1));
      }
    }
    return gram;
  },
};

/** The unit vectors: all positive kernels with Σ w = 1. */
const unitVectors: Hull = {
  taps: (u) => Float64Array.from(u),
  lags: (length) => Float64Array.from({ length }, (_, j) => j),
  scores: (g) => g,
  gram: (matrix) => matrix,
};

/** The hull of a family's class; for `ramp`, whose kernels lie in it but do not fill it. */
export function hullOf(family: Family): Hull {
  return family === 'simplex' ? unitVectors : movingAverages;
}

function runningMeans(g: Float64Array): Float64Array {
  let total = 0;
  return g.map((value, m) => {
    total += value;
    return total / (m + 1);
  });
}
