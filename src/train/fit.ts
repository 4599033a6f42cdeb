/** What every fit by TensorFlow.js has in common: its options, its course, and the lengths it goes through. */
import type { Scalar, Tensor, Variable } from '@tensorflow/tfjs-node';
import type { Family } from '../dsp/families.ts';
import type { TensorFlow } from './backend.ts';
import { parametrisations } from './parametrisations.ts';
import { resized } from './resized.ts';

/** The loss and its gradient with respect to the parameters; tests put a wrong one in its place. */
export type GradientFunction = (
  tf: TensorFlow,
  loss: () => Scalar,
  parameters: Variable,
) => { value: Scalar; gradient: Tensor };

export interface FitProgress {
  readonly step: number;
  /** The most steps there will be; it may end earlier. */
  readonly steps: number;
  readonly loss: number;
  /** The certificate's gap, relative to the loss; null where the loss is 0. */
  readonly gap: number | null;
}

export interface FitOptions {
  /** The most that the logarithm of a parameter changes by in a step, > 0; by default the step size adapts itself. */
  readonly learningRate?: number;
  /** Lengths at which it trains first, one after the other, each until it ends; none above that of the loss. */
  readonly lengths?: readonly number[];
  /** The parameters to begin with, of the first length; by default such that know nothing of the data. */
  readonly start?: Float32Array;
  /** The largest Σ j·w[j], samples; default none. */
  readonly maxLag?: number;
  readonly steps?: number;
  /** Of the order of minibatches; default 1. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: FitProgress) => void;
  readonly gradient?: GradientFunction;
}

export interface Fit {
  /** Newest first, from the last parameters, in float64. */
  readonly taps: Float64Array;
  /**
   * The loss at the start and after each step, as TensorFlow computed it, or after each pass over minibatches, over all
   * windows; where K changes, once more at its new length.
   */
  readonly trajectory: readonly number[];
  /** Gradients that were followed. */
  readonly steps: number;
  /** `converged`: the gap is below 1e-3; `noDescent`: no step lowers the loss any more; `steps`: the limit came first. */
  readonly stopped: 'converged' | 'noDescent' | 'steps';
  /** Euclidean norm of the last gradient, in the parameters (log τ of `ramp`, else weights with Σ = 1). */
  readonly gradientNorm: number;
  /** Euclidean distance of the last parameters from the first of the last length. */
  readonly moved: number;
}

/** By automatic differentiation. */
export const automaticGradient: GradientFunction = (tf, loss, parameters) => {
  const { value, grads } = tf.variableGrads(loss, [parameters]);
  return { value, gradient: grads[parameters.name]! };
};

/** A fit at one length, from parameters on. */
export type Stage = (
  parameters: Float32Array,
  taps: number,
  onProgress: (progress: FitProgress) => void,
) => Promise<StageFit>;

export type StageFit = Omit<Fit, 'taps'> & { readonly parameters: Float32Array };

/** A fit through all lengths: where K changes on the way, what has been learned is kept. @param taps the last length */
export async function fitStages(
  family: Family,
  taps: number,
  { lengths = [], start, onProgress }: FitOptions,
  stage: Stage,
): Promise<Fit> {
  const form = parametrisations[family];
  const first = lengths[0] ?? taps;
  const trajectory: number[] = [];
  let steps = 0;
  const next = async (parameters: Float32Array, length: number): Promise<StageFit> => {
    const before = steps;
    const fit = await stage(resized(family, parameters, length), length, (at) =>
      onProgress?.({ ...at, step: before + at.step, steps: before + at.steps }),
    );
    trajectory.push(...fit.trajectory);
    steps += fit.steps;
    return fit;
  };
  let parameters = start ?? form.start(first);
  for (const length of lengths) parameters = (await next(parameters, length)).parameters;
  const { stopped, gradientNorm, moved, ...last } = await next(parameters, taps);
  return { taps: form.taps(last.parameters, taps), trajectory, steps, stopped, gradientNorm, moved };
}
