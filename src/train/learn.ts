import type { Family } from '../dsp/families.ts';
import { normalised, storedTaps } from '../dsp/kernel.ts';
import type { Backend } from './backend.ts';
import { type Baselines, baselines } from './baselines.ts';
import { bestBiases, biasExcess, withBestBiases } from './bias.ts';
import { type Certificate, certificate } from './certificate.ts';
import { finish } from './finish.ts';
import { type Fit, type FitOptions, fitKernel } from './fitKernel.ts';
import { learnable, type PartLoss } from './loss.ts';
import type { Split } from './split.ts';

/** What one kernel is learned from: the channels that share it. */
export interface Problem {
  readonly family: Family;
  /** Whether each channel has a bias. */
  readonly bias: boolean;
  /** The largest Σ j·w[j], samples; Infinity is no limit. */
  readonly maxLag: number;
  readonly split: Split;
  readonly train: PartLoss;
  /** Null where too little is held out. */
  readonly heldOut: PartLoss | null;
}

export interface Learned extends Baselines {
  /** Of the file, newest first. */
  readonly taps: Float32Array;
  /** For each channel, in its unit: float32 numbers, 0 without a bias. */
  readonly biases: readonly number[];
  readonly certificate: Certificate;
  /** Of a ramp, 1/α in samples: 0 is the newest sample alone, null (infinite) the moving average. */
  readonly timeConstant?: number | null;
  readonly fit: Fit;
}

/**
 * One kernel by squared error: fitted by TensorFlow, polished in float64, certified as the file holds it, and set beside
 * the baselines on the same windows.
 *
 * @throws the reason of `signal` where it aborts
 */
export async function learn(backend: Backend, problem: Problem, hooks: FitOptions): Promise<Learned> {
  const { family, bias, maxLag, split, train, heldOut } = problem;
  const loss = bias ? withBestBiases(train) : train;
  const fit = await fitKernel(backend, family, loss, { ...hooks, maxLag });
  const { taps, timeConstant } = finish(family, fit.taps, loss, maxLag);
  const served = normalised(taps);
  const biases = bestBiases(train, served).map((value) => (bias ? Math.fround(value) : 0));
  return {
    taps,
    biases,
    certificate: certificate(family, taps, loss, {
      maxLag,
      biasExcess: bias ? biasExcess(train, served, biases) : 0,
    }),
    ...(timeConstant !== undefined && { timeConstant: Number.isFinite(timeConstant) ? timeConstant : null }),
    fit,
    ...baselines({ taps: served, biases }, { bias, maxLag, split, train, heldOut }),
  };
}

/** A channel that teaches nothing keeps its newest sample. */
export function unlearnable(
  { train }: Problem,
  why: string,
): Pick<Learned, 'taps' | 'biases' | 'certificate'> {
  if (learnable(train)) throw new RangeError('unlearnable: expected a loss without a channel');
  return {
    taps: storedTaps(Float64Array.from({ length: train.taps }, (_, j) => (j === 0 ? 1 : 0))),
    biases: train.divisors.map(() => 0),
    certificate: { gap: 0, relative: null, reason: why },
  };
}
