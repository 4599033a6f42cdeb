import { normalised, sum } from '../dsp/kernel.ts';
import { cholesky } from './cholesky.ts';
import type { QuadraticLoss } from './loss.ts';
import { lagOf } from './vertices.ts';

/**
 * The minimum of w'Mw with Σ w = 1 alone, Mw ∝ 1, and where its lag is too long that with the largest lag. A singular M
 * (a channel without noise) gets the least lift that helps.
 */
export function bestFree({ matrix, taps }: QuadraticLoss, maxLag: number): Float64Array {
  const scale = Array.from({ length: taps }, (_, i) => matrix[i * taps + i]!).reduce(
    (a, b) => Math.max(a, b),
    0,
  );
  for (let lift = 0; ; lift = lift === 0 ? 1e-14 * scale : 10 * lift) {
    const factor = cholesky();
    const whole = Array.from({ length: taps }, (_, i) =>
      factor.append(
        Float64Array.from({ length: i + 1 }, (_, j) => matrix[i * taps + j]! + (i === j ? lift : 0)),
      ),
    ).every((appended) => appended);
    if (!whole) continue;
    const free = normalised(factor.solve(new Float64Array(taps).fill(1)));
    const excess = lagOf(free) - maxLag;
    if (!(excess > 0)) return free;
    // Along M^-1 of the ages, less its part that changes the sum.
    const ages = factor.solve(Float64Array.from({ length: taps }, (_, j) => j));
    const total = sum(ages);
    const way = ages.map((value, j) => value - total * free[j]!);
    const lag = lagOf(way);
    return lag > 0 ? free.map((value, j) => value - (excess / lag) * way[j]!) : newestAlone(taps);
  }
}

function newestAlone(taps: number): Float64Array {
  return Float64Array.from({ length: taps }, (_, j) => (j === 0 ? 1 : 0));
}
