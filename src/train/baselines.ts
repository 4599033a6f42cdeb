import { normalised, sum } from '../dsp/kernel.ts';
import { bestRamp } from './bestRamp.ts';
import { bestBiases, biasedLoss, withBestBiases } from './bias.ts';
import { cholesky } from './cholesky.ts';
import { emaBiases, emaLosses } from './emaLosses.ts';
import type { PartLoss, QuadraticLoss } from './loss.ts';
import { scanMinimum } from './scanMinimum.ts';
import type { Split } from './split.ts';
import { lagOf } from './vertices.ts';

/** The loss of each filter on one part; 1 is the newest sample alone on the training part. */
export interface Losses {
  readonly learned: number;
  /** Best exponential average. */
  readonly ema: number;
  /** Best moving average of at most K samples. */
  readonly sma: number;
  readonly ramp: number;
  /** The newest sample alone. */
  readonly newest: number;
  /** The best kernel with Σ w = 1, of any sign and order: what the shape costs. */
  readonly free: number;
}

export interface Baselines {
  readonly train: Losses;
  readonly heldOut: Losses | null;
  /** What was tuned on the training part. */
  readonly tuned: {
    /** a of `y += a·(x - y)`. */
    readonly ema: number;
    /** Length in samples. */
    readonly sma: number;
    /** Time constant in samples; null is infinite. */
    readonly ramp: number | null;
  };
}

/** An exponential average slower than this (1/samples) is a constant on any recording that fits in memory. */
const slowest = 1e-5;

/**
 * The learned kernel beside the filters it must beat, each tuned on the training part, all on the same windows. Where
 * it has a bias, so have they all but the newest sample. A limit on the lag binds them all.
 *
 * @param learned taps, newest first, Σ = 1, and a bias for each channel
 * @param heldOut the loss on the held-out part, null where it has too few windows
 */
export function baselines(
  learned: { readonly taps: Float64Array; readonly biases: readonly number[] },
  {
    bias,
    maxLag,
    split,
    train,
    heldOut,
  }: {
    readonly bias: boolean;
    readonly maxLag: number;
    readonly split: Split;
    readonly train: PartLoss;
    readonly heldOut: PartLoss | null;
  },
): Baselines {
  const { taps, divisors } = train;
  const tuning = bias ? withBestBiases(train) : train;
  const average = shortestBestAverage(tuning, maxLag);
  const ramp = bestRamp(tuning, maxLag);
  // The lag of an exponential average is (1 - a)/a.
  const slowestRate = Math.max(slowest, 1 / (1 + maxLag));
  const ema = Math.exp(
    scanMinimum(
      (logs) => emaLosses(split.train, divisors, logs.map(Math.exp), bias ? 'best' : undefined),
      Math.log(slowestRate),
      0,
      // As fine as for the ramp's time constant: three points to each doubling, then between neighbours to 1e-3 of a.
      { points: Math.max(4, 1 + Math.ceil(3 * Math.log2(1 / slowestRate))), scans: 5, finer: 9 },
    ),
  );
  const plain = (w: Float64Array) => ({ taps: w, biases: divisors.map(() => 0) });
  const tuned = (w: Float64Array) => (bias ? { taps: w, biases: bestBiases(train, w) } : plain(w));
  const offsets = bias ? emaBiases(split.train, divisors, ema) : undefined;
  const kernels = {
    learned,
    sma: tuned(movingAverage(average, taps)),
    ramp: tuned(ramp.taps),
    newest: plain(movingAverage(1, taps)),
    free: tuned(bestFree(tuning, maxLag)),
  };
  const on = (loss: PartLoss, channels: Split['train']): Losses => {
    const of = (name: keyof typeof kernels) => biasedLoss(loss, kernels[name].taps, kernels[name].biases);
    return {
      learned: of('learned'),
      ema: emaLosses(channels, divisors, Float64Array.of(ema), offsets)[0]!,
      sma: of('sma'),
      ramp: of('ramp'),
      newest: of('newest'),
      free: of('free'),
    };
  };
  return {
    train: on(train, split.train),
    heldOut: heldOut === null ? null : on(heldOut, split.heldOut),
    tuned: { ema, sma: average, ramp: Number.isFinite(ramp.timeConstant) ? ramp.timeConstant : null },
  };
}

function movingAverage(length: number, taps: number): Float64Array {
  return Float64Array.from({ length: taps }, (_, j) => (j < length ? 1 / length : 0));
}

/** The length whose moving average has the smallest loss: v'Mv is the mean of the leading m × m corner of M. */
function shortestBestAverage({ matrix, taps }: QuadraticLoss, maxLag: number): number {
  let best = 1;
  let lowest = Infinity;
  let corner = 0;
  for (let m = 1; m <= taps && (m - 1) / 2 <= maxLag; m++) {
    for (let i = 0; i < m - 1; i++) corner += 2 * matrix[i * taps + m - 1]!;
    corner += matrix[(m - 1) * taps + m - 1]!;
    const value = corner / (m * m);
    if (value < lowest) [lowest, best] = [value, m];
  }
  return best;
}

/** The minimum of w'Mw with Σ w = 1 alone, Mw ∝ 1, and where its lag is too long that with the largest lag. A singular M (a channel without noise) gets the least lift that helps. */
function bestFree({ matrix, taps }: QuadraticLoss, maxLag: number): Float64Array {
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
    return lag > 0 ? free.map((value, j) => value - (excess / lag) * way[j]!) : movingAverage(1, taps);
  }
}
