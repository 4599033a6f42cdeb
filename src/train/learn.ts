import { normalised, storedTaps } from '../dsp/kernel.ts';
import type { Backend } from './backend.ts';
import { type Baselines, baselines } from './baselines.ts';
import type { Certificate } from './certificate.ts';
import { type Covered, coveredBy } from './covered.ts';
import { finish } from './finish.ts';
import type { Fit, FitOptions } from './fit.ts';
import { learnable } from './objective.ts';
import type { Problem } from './problems.ts';

export interface Learned extends Baselines {
  /** Of the file, newest first. */
  readonly taps: Float32Array;
  /** For each channel, in its unit: float32 numbers, 0 without a bias. */
  readonly biases: readonly number[];
  readonly certificate: Certificate;
  /** Of a ramp, 1/α in samples: 0 is the newest sample alone, null (infinite) the moving average. */
  readonly timeConstant?: number | null;
  readonly covered: Covered | null;
  readonly fit: Fit;
}

/**
 * One kernel by one loss: fitted by TensorFlow, polished in float64, certified as the file holds it, and set beside the
 * baselines on the same windows.
 *
 * @throws the reason of `signal` where it aborts
 */
export async function learn(backend: Backend, problem: Problem, hooks: FitOptions): Promise<Learned> {
  const { family, maxLag, objective } = problem;
  const fit = await objective.fit(backend, family, { ...hooks, maxLag });
  const { taps, timeConstant } = finish((aim) => objective.polish(family, fit.taps, aim), maxLag);
  const served = normalised(taps);
  const biases = objective.biases(served).map(Math.fround);
  const kernel = { taps: served, biases };
  return {
    taps,
    biases,
    certificate: objective.certificate(family, { taps, biases }, maxLag),
    ...(timeConstant !== undefined && { timeConstant: Number.isFinite(timeConstant) ? timeConstant : null }),
    covered: coveredBy(kernel, problem),
    fit,
    ...baselines(kernel, problem),
  };
}

/** A channel that teaches nothing keeps its newest sample. */
export function unlearnable(
  { objective }: Problem,
  why: string,
): Pick<Learned, 'taps' | 'biases' | 'certificate'> {
  if (learnable(objective)) throw new RangeError('unlearnable: expected a loss without a channel');
  return {
    taps: storedTaps(Float64Array.from({ length: objective.taps }, (_, j) => (j === 0 ? 1 : 0))),
    biases: objective.divisors.map(() => 0),
    certificate: { gap: 0, relative: null, reason: why },
  };
}
