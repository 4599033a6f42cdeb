/**
 * The kernel families as TensorFlow functions of their parameters, differentiable, newest tap first. They are called
 * inside the loss, so that every step has the kernel of its own parameters.
 */
import type { Tensor, Tensor1D } from '@tensorflow/tfjs-node';
import type { TensorFlow } from './backend.ts';

/** softmax(α·linspace(m, -m, K) + β), m = (K-1)/2. @param alpha, beta one number each */
export function rampKernel(
  tf: TensorFlow,
  taps: number,
  alpha: Tensor,
  beta: Tensor = tf.scalar(0),
): Tensor1D {
  const m = (taps - 1) / 2;
  return tf.softmax(tf.linspace(m, -m, taps).mul(alpha).add(beta)) as Tensor1D;
}

/** The raw form: sums of positive increments, which run from the oldest tap to the newest; not of unit sum. */
export function cumulativeKernel(tf: TensorFlow, increments: Tensor1D): Tensor1D {
  return tf.reverse(tf.cumsum(increments)) as Tensor1D;
}

/** Σ_m u[m]·(moving average of length m): positive weights from length 1 to length K, divided by their sum. */
export function boxcarsKernel(tf: TensorFlow, weights: Tensor1D): Tensor1D {
  const lengths = tf.range(1, weights.size + 1);
  return tf.cumsum(unitSum(weights).div(lengths), 0, false, true) as Tensor1D;
}

/** Positive weights from the oldest tap to the newest, divided by their sum. */
export function simplexKernel(tf: TensorFlow, weights: Tensor1D): Tensor1D {
  return tf.reverse(unitSum(weights)) as Tensor1D;
}

export function unitSum(kernel: Tensor1D): Tensor1D {
  return kernel.div(kernel.sum()) as Tensor1D;
}
