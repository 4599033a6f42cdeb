/**
 * A causal FIR kernel: `trend[n] = Σ taps[j]·x[n-j] + bias`. Taps are newest first, so `taps[0]` weighs the newest
 * sample; the files and tensors that want the oldest first (ONNX, PyTorch, TensorFlow) reverse them at their own edge.
 */
export interface Kernel {
  readonly taps: Float64Array;
  /** Added outside the weighted mean, in the unit of the channel. */
  readonly bias: number;
}

/** The longest kernel a model may have, and so the longest memory a stream needs (samples). */
export const maxTaps = 513;

/** The same numbers in the opposite order of time. */
export function reversed(taps: ArrayLike<number>): Float64Array {
  return Float64Array.from(taps).reverse();
}

/** `taps` divided by their sum. */
export function normalised(taps: ArrayLike<number>): Float64Array {
  const total = sum(taps);
  return Float64Array.from(taps, (w) => w / total);
}

/** Sum with Neumaier's compensation, so that a unit sum can be told from a near one. */
export function sum(values: ArrayLike<number>): number {
  let total = 0;
  let lost = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const next = total + value;
    lost += Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total;
    total = next;
  }
  return total + lost;
}

const floor = 2 ** -30;

/**
 * The taps as a model file holds them: `(1 - 2^-30)·w + 2^-30/K` in float32, so that every tap is positive and normal
 * (a ramp with a time constant of 3 samples underflows at K = 257). A convex mixture with the moving average of
 * length K, so the result stays in the class that `w` is in.
 */
export function storedTaps(taps: ArrayLike<number>): Float32Array {
  return Float32Array.from(taps, (w) => (1 - floor) * w + floor / taps.length);
}
