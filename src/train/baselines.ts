import type { BiasedTaps, Judge, Objective } from './objective.ts';

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
 * The learned kernel beside the filters it must beat, each tuned on the training part by the same loss, all on the same
 * windows. Where it has a bias, so have they all but the newest sample. A limit on the lag binds them all.
 *
 * @param heldOut null where the held-out part has too few windows
 */
export function baselines(
  learned: BiasedTaps,
  {
    objective,
    heldOut,
    maxLag,
  }: { readonly objective: Objective; readonly heldOut: Judge | null; readonly maxLag: number },
): Baselines {
  const { taps } = objective;
  const average = objective.bestAverage(maxLag);
  const ramp = objective.bestRamp(maxLag);
  // The lag of an exponential average is (1 - a)/a.
  const ema = objective.bestExponential(Math.max(slowest, 1 / (1 + maxLag)));
  const tuned = (w: Float64Array) => ({ taps: w, biases: objective.biases(w) });
  const kernels = {
    learned,
    sma: tuned(movingAverage(average, taps)),
    ramp: tuned(ramp.taps),
    newest: { taps: movingAverage(1, taps), biases: objective.divisors.map(() => 0) },
    free: tuned(objective.bestFree(maxLag)),
  };
  const by = (judge: Judge): Losses => ({
    learned: judge.loss(kernels.learned),
    ema: judge.averageLoss(ema),
    sma: judge.loss(kernels.sma),
    ramp: judge.loss(kernels.ramp),
    newest: judge.loss(kernels.newest),
    free: judge.loss(kernels.free),
  });
  return {
    train: by(objective),
    heldOut: heldOut && by(heldOut),
    tuned: { ema: ema.a, sma: average, ramp: finite(ramp.timeConstant) },
  };
}

function movingAverage(length: number, taps: number): Float64Array {
  return Float64Array.from({ length: taps }, (_, j) => (j < length ? 1 / length : 0));
}

/** Infinity has no JSON. */
function finite(timeConstant: number | undefined): number | null {
  return timeConstant !== undefined && Number.isFinite(timeConstant) ? timeConstant : null;
}
