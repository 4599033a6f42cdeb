import type { Samples } from './samples.ts';

/** Beyond so many periods a sample does not reach: the smoother's answer to an impulse falls by e^(-√2·π) a period, to 3e-16. */
const reach = 8;

/** Samples smoothed at once, what the neighbours lend apart. */
const chunkSamples = 2 ** 16;

/**
 * The smoother over a stretch of any length, `[from, to)` of it, in chunks that overlap by 8 periods: to the last digits
 * what one solution of the whole says, in memory that does not grow with it.
 *
 * @param x one stretch, its first and last samples present; NaN is missing
 */
export function* smoothChunks(x: Samples, period: number, from: number, to: number): Generator<Float64Array> {
  const overlap = Math.ceil(reach * period);
  const step = Math.max(chunkSamples, 2 * overlap);
  for (let at = from; at < to; at += step) {
    const end = Math.min(at + step, to);
    const base = Math.max(0, at - overlap);
    const trend = smooth(x.read(base, Math.min(x.length, end + overlap)), period);
    yield trend.subarray(at - base, end - base);
  }
}

/**
 * The Whittaker-Henderson smoother of order 2: the z that minimises Σ m[i]·(x[i] - z[i])² + λ·Σ (Δ²z[i])², m = 1 where
 * a sample is present and 0 in a hole. With λ = (2 sin(π/P))^-4 its gain on a wave of period P is ½ (Hodrick and
 * Prescott's filter; Whittaker 1923).
 *
 * Solved as least squares by a banded QR of [I; √λ·D₂], Givens rotations row by row: I + λD'D has the square of that
 * matrix's condition and its Cholesky factor fails in float64 for long periods.
 *
 * @param x one stretch with at least two samples present; NaN is missing
 * @param period P > 2 samples
 */
export function smooth(x: Float64Array, period: number): Float64Array {
  const n = x.length;
  const rootLambda = (2 * Math.sin(Math.PI / period)) ** -2;
  // A constant goes through unchanged; without it, rounding is that of the signal and not of the level it rides on.
  const level = x.find((sample) => !Number.isNaN(sample))!;
  const factor = bandedFactor(n);
  for (let i = 0; i < n; i++) {
    if (!Number.isNaN(x[i]!)) factor.add(i, 1, 0, 0, x[i]! - level);
    if (i + 2 < n) factor.add(i, rootLambda, -2 * rootLambda, rootLambda, 0);
  }
  return factor.solve().map((z) => z + level);
}

/** The triangular factor, three diagonals wide, of a least-squares problem whose rows come in order of their first column. */
function bandedFactor(n: number) {
  // Row i of the triangle is columns i, i+1, i+2; two rows more, so that no rotation needs to look for the end.
  const diagonal = new Float64Array(n + 2);
  const first = new Float64Array(n + 2);
  const second = new Float64Array(n + 2);
  const right = new Float64Array(n + 2);

  return {
    /** The row with a, b, c in columns i, i+1, i+2 and `rhs` on the right, rotated into the triangle. */
    add(i: number, a: number, b: number, c: number, rhs: number): void {
      for (let row = i; row < i + 3 && row < n; row++) {
        if (a !== 0) {
          const r = Math.sqrt(diagonal[row]! ** 2 + a * a);
          const cos = diagonal[row]! / r;
          const sin = a / r;
          diagonal[row] = r;
          const f = first[row]!;
          const s = second[row]!;
          const h = right[row]!;
          first[row] = cos * f + sin * b;
          second[row] = cos * s + sin * c;
          right[row] = cos * h + sin * rhs;
          a = cos * b - sin * f;
          b = cos * c - sin * s;
          rhs = cos * rhs - sin * h;
        } else {
          a = b;
          b = c;
        }
        c = 0;
      }
    },
    /** Back substitution; every column has been reached by a row. */
    solve(): Float64Array {
      const z = new Float64Array(n + 2);
      for (let i = n - 1; i >= 0; i--) {
        z[i] = (right[i]! - first[i]! * z[i + 1]! - second[i]! * z[i + 2]!) / diagonal[i]!;
      }
      return z.subarray(0, n);
    },
  };
}
