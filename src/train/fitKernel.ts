/** Optimisation of a kernel's parameters by TensorFlow.js: gradients in float32, steps that never raise the loss. */
import { setImmediate } from 'node:timers/promises';
import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-node';
import type { Family } from '../dsp/families.ts';
import type { Backend } from './backend.ts';
import { certificate } from './certificate.ts';
import {
  automaticGradient,
  type Fit,
  type FitOptions,
  type FitProgress,
  fitStages,
  type StageFit,
} from './fit.ts';
import { type QuadraticLoss, shortened } from './loss.ts';
import { parametrisations } from './parametrisations.ts';

const defaultSteps = 400;
const smallestStep = 1e-7;
const largestStep = 8;
const closeEnough = 1e-3;

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
  return fitStages(family, loss.taps, options, (parameters, taps, onProgress) =>
    fitStage(backend, family, shortened(loss, taps), parameters, options, onProgress),
  );
}

/** The steps at one length. */
async function fitStage(
  { tf }: Backend,
  family: Family,
  loss: QuadraticLoss,
  first: Float32Array,
  options: FitOptions,
  onProgress: (progress: FitProgress) => void,
): Promise<StageFit> {
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
      steps: trajectory.length - 1,
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
