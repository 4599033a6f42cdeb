/** The parameters of each family and the steps in them. */
import type { Tensor1D } from '@tensorflow/tfjs-node';
import { type Family, mixtureTaps, rampTaps } from '../dsp/families.ts';
import { normalised, reversed } from '../dsp/kernel.ts';
import type { TensorFlow } from './backend.ts';
import { logTimeConstants, longestWithin } from './bestRamp.ts';
import { boxcarsKernel, cumulativeKernel, rampKernel, simplexKernel, unitSum } from './tensorKernels.ts';
import { tiltedToLag } from './tiltedToLag.ts';

export interface Parametrisation {
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

export const parametrisations: Record<Family, Parametrisation> = {
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
    taps(increments) {
      let total = 0;
      return normalised(reversed(Float64Array.from(increments, (value) => (total += value))));
    },
    // In the weights of the moving averages, as boxcars: by itself an old increment, which lifts most taps, would step first.
    step: (increments, gradient, size, taps) =>
      multiplicative.step(
        increments,
        gradient.map((slope, i) => slope / (taps - i)),
        size,
      ),
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
