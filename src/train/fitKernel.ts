/** Optimisation of a kernel's parameters by TensorFlow.js: gradients in float32, steps that never raise the loss. */
import { setImmediate } from 'node:timers/promises';
import type { Scalar, Tensor, Tensor1D, Tensor2D, Variable } from '@tensorflow/tfjs-node';
import { type Family, mixtureTaps, rampTaps } from '../dsp/families.ts';
import { normalised, reversed } from '../dsp/kernel.ts';
import type { Backend, TensorFlow } from './backend.ts';
import { logTimeConstants, longestWithin } from './bestRamp.ts';
import { certificate } from './certificate.ts';
import { type QuadraticLoss, shortened } from './loss.ts';
import { resized } from './resized.ts';
import { boxcarsKernel, cumulativeKernel, rampKernel, simplexKernel, unitSum } from './tensorKernels.ts';
import { tiltedToLag } from './tiltedToLag.ts';

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
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: FitProgress) => void;
  readonly gradient?: GradientFunction;
}

export interface Fit {
  /** Newest first, from the last parameters, in float64. */
  readonly taps: Float64Array;
  /** The loss at the start and after each step, as TensorFlow computed it; where K changes, once more at its new length. */
  readonly trajectory: readonly number[];
  /** `converged`: the gap is below 1e-3; `noDescent`: no step lowers the loss any more; `steps`: the limit came first. */
  readonly stopped: 'converged' | 'noDescent' | 'steps';
  /** Euclidean norm of the last gradient, in the parameters (log τ of `ramp`, else weights with Σ = 1). */
  readonly gradientNorm: number;
  /** Euclidean distance of the last parameters from the first of the last length. */
  readonly moved: number;
}

interface Parametrisation {
  start(taps: number): Float32Array;
  /** Recomputed from the parameters in every step: it is called inside the loss. */
  kernel(tf: TensorFlow, parameters: Tensor1D, taps: number): Tensor1D;
  /** The same in float64, on the last parameters. */
  taps(parameters: Float32Array, taps: number): Float64Array;
  /** One step against the gradient; `size` is the most that a logarithm of a parameter changes by. */
  step(parameters: Float32Array, gradient: Float32Array, size: number, taps: number): Float32Array;
  /** The nearest parameters (in relative entropy) whose kernel has a lag of at most `maxLag` samples. */
  limited(parameters: Float32Array, maxLag: number, taps: number): Float32Array;
}

/** u ← u·exp(-η∇)/Σ: it keeps positive weights positive and does not stall on a softmax's plateau as logits do. */
const multiplicative = {
  start: (taps: number) => new Float32Array(taps).fill(1 / taps),
  step(u: Float32Array, gradient: Float32Array, size: number): Float32Array {
    const lowest = gradient.reduce((a, b) => Math.min(a, b), Infinity);
    const range = gradient.reduce((a, b) => Math.max(a, b), -Infinity) - lowest;
    const rate = range > 0 ? size / range : 0;
    return Float32Array.from(
      normalised(u.map((weight, m) => Math.max(weight * Math.exp(-rate * (gradient[m]! - lowest)), tiniest))),
    );
  },
};

/** A weight that has underflowed could never come back. */
const tiniest = 1e-30;

const parametrisations: Record<Family, Parametrisation> = {
  // log τ, τ = 1/α samples: useful α differ 40-fold between sensors, and a gradient in α hardly moves it.
  ramp: {
    start: (taps) => Float32Array.of(Math.log(Math.max(taps / 4, 1))),
    kernel: (tf, logTau, taps) => rampKernel(tf, taps, tf.exp(tf.neg(logTau))),
    taps: ([logTau], taps) => rampTaps(taps, Math.exp(-logTau!)),
    step([logTau], [gradient], size, taps) {
      const { from, to } = logTimeConstants(taps);
      return Float32Array.of(Math.min(Math.max(logTau! - size * Math.sign(gradient!), from), to));
    },
    limited: ([logTau], maxLag, taps) => Float32Array.of(Math.min(logTau!, longestWithin(taps, maxLag))),
  },
  boxcars: {
    ...multiplicative,
    kernel: boxcarsKernel,
    taps: (u) => mixtureTaps(normalised(u)),
    limited: (u, maxLag) => tiltedToLag(u, (m) => ({ mass: 1, lag: m / 2 }), maxLag),
  },
  cumulative: {
    ...multiplicative,
    kernel: (tf, increments) => unitSum(cumulativeKernel(tf, increments)),
    // An increment lifts all younger taps as well: by the mass it moves, each would be a step of another size.
    step: (increments, gradient, size, taps) =>
      multiplicative.step(
        increments,
        gradient.map((slope, i) => slope / (taps - i)),
        size,
      ),
    taps(increments) {
      let total = 0;
      return normalised(reversed(Float64Array.from(increments, (value) => (total += value))));
    },
    // The increment of the tap of age j lifts all younger ones too: j + 1 times its own, a moving average's.
    limited: (increments, maxLag, taps) =>
      tiltedToLag(increments, (i) => ({ mass: taps - i, lag: (taps - i - 1) / 2 }), maxLag),
  },
  simplex: {
    ...multiplicative,
    kernel: simplexKernel,
    taps: (weights) => normalised(reversed(weights)),
    limited: (weights, maxLag, taps) => tiltedToLag(weights, (i) => ({ mass: 1, lag: taps - 1 - i }), maxLag),
  },
};

const defaultSteps = 400;
const smallestStep = 1e-7;
const largestStep = 8;
const closeEnough = 1e-3;

/** By automatic differentiation. */
const automaticGradient: GradientFunction = (tf, loss, parameters) => {
  const { value, grads } = tf.variableGrads(loss, [parameters]);
  return { value, gradient: grads[parameters.name]! };
};

/**
 * Fits a family's parameters to a quadratic loss w'Mw, from a start that knows nothing of the data: a step against the
 * gradient, half as long until the loss falls, twice as long the next time. Where K changes on the way, the variables are
 * rebuilt and what has been learned is kept. Deterministic for one backend.
 *
 * @throws the reason of `signal` where it aborts
 */
export async function fitKernel(
  backend: Backend,
  family: Family,
  loss: QuadraticLoss,
  options: FitOptions = {},
): Promise<Fit> {
  const stages = [...(options.lengths ?? []), loss.taps];
  let parameters = options.start ?? parametrisations[family].start(stages[0]!);
  const trajectory: number[] = [];
  for (const [stage, taps] of stages.entries()) {
    const before = trajectory.length;
    const fit = await fitStage(
      backend,
      family,
      shortened(loss, taps),
      resized(family, parameters, taps),
      options,
      (at) => options.onProgress?.({ ...at, step: before + at.step, steps: before + at.steps }),
    );
    parameters = fit.parameters;
    trajectory.push(...fit.trajectory);
    if (stage === stages.length - 1) {
      const { stopped, gradientNorm, moved } = fit;
      return {
        taps: parametrisations[family].taps(parameters, taps),
        trajectory,
        stopped,
        gradientNorm,
        moved,
      };
    }
  }
  throw new RangeError('fitKernel: expected a last stage');
}

/** The steps at one length. */
async function fitStage(
  { tf }: Backend,
  family: Family,
  loss: QuadraticLoss,
  first: Float32Array,
  options: FitOptions,
  onProgress: (progress: FitProgress) => void,
): Promise<Omit<Fit, 'taps'> & { readonly parameters: Float32Array }> {
  const { steps = defaultSteps, signal, gradient: gradientOf = automaticGradient } = options;
  const { maxLag = Infinity, learningRate = largestStep } = options;
  const { taps } = loss;
  const form = parametrisations[family];
  const matrix: Tensor2D = tf.tensor2d(Float32Array.from(loss.matrix), [taps, taps]);
  const variable = tf.tidy(() => tf.variable(tf.tensor1d(first)));

  const lossFunction = (): Scalar => {
    const w = form.kernel(tf, variable as Tensor as Tensor1D, taps);
    return tf.sum(w.mul(tf.dot(matrix, w)));
  };

  function evaluate(parameters: Float32Array): Point {
    return tf.tidy(() => {
      variable.assign(tf.tensor1d(parameters));
      const { value, gradient } = gradientOf(tf, lossFunction, variable);
      return { parameters, loss: value.dataSync()[0]!, gradient: Float32Array.from(gradient.dataSync()) };
    });
  }

  try {
    const limited = (parameters: Float32Array) =>
      maxLag === Infinity ? parameters : form.limited(parameters, maxLag, taps);
    const after = (point: Point, size: number) =>
      evaluate(limited(form.step(point.parameters, point.gradient, size, taps)));
    const start = evaluate(limited(first));
    const trajectory = [start.loss];
    let point = start;
    let size = Math.min(1, learningRate);
    let stopped: Fit['stopped'] = 'steps';
    for (let step = 1; step <= steps; step++) {
      // Lets a signal handler run and a progress bar draw: the steps themselves block.
      await setImmediate();
      signal?.throwIfAborted();
      let next = after(point, size);
      while (!(next.loss < point.loss) && size > smallestStep) {
        size /= 2;
        next = after(point, size);
      }
      if (!(next.loss < point.loss)) {
        stopped = 'noDescent';
        break;
      }
      point = next;
      size = Math.min(2 * size, learningRate);
      trajectory.push(point.loss);
      const gap = certificate(family, form.taps(point.parameters, taps), loss, { maxLag }).relative;
      onProgress({ step, steps, loss: point.loss, gap });
      if (gap === null || gap < closeEnough) {
        stopped = 'converged';
        break;
      }
    }
    return {
      parameters: point.parameters,
      trajectory,
      stopped,
      gradientNorm: Math.hypot(...point.gradient),
      moved: Math.hypot(...point.parameters.map((value, i) => value - start.parameters[i]!)),
    };
  } finally {
    matrix.dispose();
    variable.dispose();
  }
}

interface Point {
  readonly parameters: Float32Array;
  readonly loss: number;
  readonly gradient: Float32Array;
}
