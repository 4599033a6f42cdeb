/** Optimisation of a kernel's parameters by TensorFlow.js on minibatches of windows. */
import { setImmediate } from 'node:timers/promises';
import type { Scalar, Tensor, Tensor1D } from '@tensorflow/tfjs-node';
import type { Family } from '../../dsp/families.ts';
import type { Backend } from '../backend.ts';
import { certificateOf } from '../certificate.ts';
import {
  automaticGradient,
  type Fit,
  type FitOptions,
  type FitProgress,
  fitStages,
  type StageFit,
} from '../fit.ts';
import { parametrisations } from '../parametrisations.ts';
import { type Batch, batches } from './batches.ts';
import { hullClass } from './newton.ts';
import { thinned } from './thinned.ts';
import { lowerBound } from './windowCertificate.ts';
import { errorsOf, nothing, type Point, settled, type WindowLoss } from './windowLoss.ts';

/** Windows of a batch, and of a pass, at most; a short recording still has this many batches in a pass. */
const batchWindows = 1024;
const passWindows = 65_536;
const fewestBatches = 16;
const defaultPasses = 16;
/** Windows by which the end of a pass is judged. */
const judgedWindows = 131_072;
const firstStep = 1;
const largestStep = 8;
const smallestStep = 1e-3;
const closeEnough = 1e-3;

/**
 * Fits a family's parameters by passes over minibatches: in each batch one step against the gradient in float32, and at
 * the end of a pass the mean of the parameters in its second half (Polyak and Juditsky, Acceleration of stochastic
 * approximation by averaging, 1992). There the loss over all windows is taken in float64; where it has not fallen, the
 * pass is undone and the steps of the next are half as long, else twice as long. Biases are minimised out between passes.
 * Deterministic for one backend and seed.
 *
 * @throws the reason of `signal` where it aborts
 */
export async function fitBatches(
  backend: Backend,
  family: Family,
  loss: WindowLoss,
  taps: number,
  options: FitOptions = {},
): Promise<Fit> {
  const judge = thinned(loss, judgedWindows);
  return fitStages(family, taps, options, (parameters, length, onProgress) =>
    fitStage(backend, family, { loss, judge }, parameters, length, options, onProgress),
  );
}

/** The passes at one length. */
async function fitStage(
  { tf }: Backend,
  family: Family,
  { loss, judge }: { readonly loss: WindowLoss; readonly judge: WindowLoss },
  first: Float32Array,
  taps: number,
  options: FitOptions,
  onProgress: (progress: FitProgress) => void,
): Promise<StageFit> {
  const { signal, seed = 1, maxLag = Infinity, learningRate = largestStep } = options;
  const { gradient: gradientOf = automaticGradient } = options;
  const form = parametrisations[family];
  const limited = (parameters: Float32Array) =>
    maxLag === Infinity ? parameters : form.limited(parameters, maxLag, taps);
  const windows = loss.channels.reduce((total, channel) => total + channel.windows, 0);
  const size = Math.max(1, Math.min(batchWindows, Math.floor(windows / fewestBatches)));
  const perPass = Math.floor(Math.min(windows, passWindows) / size);
  const steps = options.steps ?? defaultPasses * perPass;
  const draw = batches(loss, taps, seed);
  const variable = tf.tidy(() => tf.variable(tf.tensor1d(first)));

  function gradientOn(batch: Batch, parameters: Float32Array, biases: readonly number[]): Float32Array {
    return tf.tidy(() => {
      variable.assign(tf.tensor1d(parameters));
      const differences = tf.tensor2d(batch.differences, [batch.weights.length, taps]);
      const weights = tf.tensor1d(batch.weights);
      const levels = tf.tensor1d(Float32Array.from(batch.channels, (c) => biases[c]!));
      const lossFunction = (): Scalar => {
        const w = form.kernel(tf, variable as Tensor as Tensor1D, taps);
        return tf.sum(loss.error.tensor(tf, tf.dot(differences, w).add(levels)).mul(weights));
      };
      return Float32Array.from(gradientOf(tf, lossFunction, variable).gradient.dataSync());
    });
  }

  function judged(parameters: Float32Array): Judged {
    const w = form.taps(parameters, taps);
    return { parameters, w, ...settled(judge, errorsOf(judge, w), 0) };
  }

  const kernels = hullClass(family, taps, maxLag);
  const none = nothing(judge);
  let width = 1;
  /** Relative to the loss, by the width that was the best the last time or half of it. */
  function gapOf({ w, errors, loss: value }: Judged): number | null {
    const bounds = [width, width / 2].map((own) => lowerBound(judge, errors, kernels, w, own).bound);
    if (bounds[1]! > bounds[0]!) width /= 2;
    return certificateOf(Math.max(0, value - Math.max(...bounds)), value, none).relative;
  }

  try {
    const start = judged(limited(first));
    const trajectory = [start.loss];
    let point = start;
    let gradient: Float32Array = new Float32Array(first.length);
    let length = Math.min(firstStep, learningRate);
    let stopped: Fit['stopped'] = 'steps';
    let step = 0;
    while (step < steps) {
      let parameters = point.parameters;
      const sums = new Float64Array(parameters.length);
      let summed = 0;
      for (let left = perPass; left > 0 && step < steps; left--, step++) {
        // Lets a signal handler run and a progress bar draw: the steps themselves block.
        await setImmediate();
        signal?.throwIfAborted();
        gradient = gradientOn(draw(size), parameters, point.biases);
        parameters = limited(form.step(parameters, gradient, length, taps));
        if (left > perPass / 2) continue;
        summed++;
        parameters.forEach((value, i) => {
          sums[i]! += value;
        });
      }
      if (summed > 0) parameters = limited(Float32Array.from(sums, (sum) => sum / summed));
      const next = judged(parameters);
      const lower = next.loss < point.loss;
      if (lower) point = next;
      trajectory.push(point.loss);
      length = Math.min(lower ? 2 * length : length / 2, learningRate);
      const gap = gapOf(point);
      onProgress({ step, steps, loss: point.loss, gap });
      if (gap === null || gap < closeEnough) {
        stopped = 'converged';
        break;
      }
      if (length < Math.min(smallestStep, learningRate)) {
        stopped = 'noDescent';
        break;
      }
    }
    return {
      parameters: point.parameters,
      trajectory,
      steps: step,
      stopped,
      gradientNorm: Math.hypot(...gradient),
      moved: Math.hypot(...point.parameters.map((value, i) => value - start.parameters[i]!)),
    };
  } finally {
    variable.dispose();
  }
}

interface Judged extends Point {
  readonly parameters: Float32Array;
  readonly w: Float64Array;
}
