import { cholesky } from '../cholesky.ts';
import type { QuadraticLoss } from '../loss.ts';

/** Of the mean curvature: added to it where the matrix alone is not definite. */
const firstLift = 1e-12;

/**
 * The parabola that touches a loss at w as a quadratic form on Σ v = 1, so that what finds best kernels by squared error
 * finds its minimum: g·(v - w) + ½(v - w)'H(v - w) is, but for a constant, ½(v'Hv - 2c·v) with c = Hw - g, and as
 * Σ v = 1 also ½v'(H - c1' - 1c' + τ11')v, which is positive definite for every τ above c'H⁻¹c.
 *
 * @param curvature H, K × K, positive semidefinite
 * @param gradient g at w
 */
export function quadraticModel(
  curvature: Float64Array,
  gradient: Float64Array,
  w: Float64Array,
): QuadraticLoss {
  const taps = w.length;
  const mean = w.reduce((total, _, i) => total + curvature[i * taps + i]!, 0) / taps;
  for (let lift = firstLift * mean; ; lift *= 10) {
    const factor = cholesky();
    const lifted = (i: number, j: number) => curvature[i * taps + j]! + (i === j ? lift : 0);
    const definite = w.every((_, i) =>
      factor.append(Float64Array.from({ length: i + 1 }, (_, j) => lifted(i, j))),
    );
    if (!definite && lift < mean) continue;
    const c = w.map((_, i) => w.reduce((total, tap, j) => total + lifted(i, j) * tap, 0) - gradient[i]!);
    const least = definite ? factor.solve(c).reduce((total, value, i) => total + value * c[i]!, 0) : 0;
    const level = least + mean;
    const matrix = curvature.map((_, k) => {
      const [i, j] = [Math.floor(k / taps), k % taps];
      return (lifted(i, j) - c[i]! - c[j]! + level) / 2;
    });
    return { taps, matrix, divisors: [] };
  }
}
