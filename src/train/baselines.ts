import { normalised } from '../dsp/kernel.ts';
import { bestRamp } from './bestRamp.ts';
import { cholesky } from './cholesky.ts';
import { emaLosses } from './emaLosses.ts';
import { lossOf, type QuadraticLoss } from './loss.ts';
import { scanMinimum } from './scanMinimum.ts';
import type { Split } from './split.ts';

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
 * The learned kernel beside the filters it must beat, each tuned on the training part, all on the same windows.
 *
 * @param learned taps, newest first, Σ = 1
 * @param heldOut the loss on the held-out part, null where it has too few windows
 */
export function baselines(
  learned: Float64Array,
  split: Split,
  train: QuadraticLoss,
  heldOut: QuadraticLoss | null,
): Baselines {
  const { taps, divisors } = train;
  const average = shortestBestAverage(train);
  const ramp = bestRamp(train);
  const ema = Math.exp(
    scanMinimum((logs) => emaLosses(split.train, divisors, logs.map(Math.exp)), Math.log(slowest), 0, {
      points: 11,
      scans: 6,
    }),
  );
  const kernels = {
    learned,
    sma: movingAverage(average, taps),
    ramp: ramp.taps,
    newest: movingAverage(1, taps),
    free: bestFree(train),
  };
  const on = (loss: QuadraticLoss, channels: Split['train']): Losses => ({
    learned: lossOf(loss, kernels.learned),
    ema: emaLosses(channels, divisors, Float64Array.of(ema))[0]!,
    sma: lossOf(loss, kernels.sma),
    ramp: lossOf(loss, kernels.ramp),
    newest: lossOf(loss, kernels.newest),
    free: lossOf(loss, kernels.free),
  });
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
function shortestBestAverage({ matrix, taps }: QuadraticLoss): number {
  let best = 1;
  let lowest = Infinity;
  let corner = 0;
  for (let m = 1; m <= taps; m++) {
    for (let i = 0; i < m - 1; i++) corner += 2 * matrix[i * taps + m - 1]!;
    corner += matrix[(m - 1) * taps + m - 1]!;
    const value = corner / (m * m);
    if (value < lowest) [lowest, best] = [value, m];
  }
  return best;
}

/** The minimum of w'Mw with Σ w = 1 alone: Mw ∝ 1. A singular M (a channel without noise) gets the least lift that helps. */
function bestFree({ matrix, taps }: QuadraticLoss): Float64Array {
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
    if (whole) return normalised(factor.solve(new Float64Array(taps).fill(1)));
  }
}
