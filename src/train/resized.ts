/** Changing K while training: taps keep their age in samples, and so does what has been learned. */
import { type Family, mixtureTaps, mixtureWeights } from '../dsp/families.ts';
import { normalised, reversed } from '../dsp/kernel.ts';

/** What the new, older taps get together, so that they have a gradient. */
const newMass = 1e-3;

/** A weight of 0 could never come back in multiplicative steps. */
const tiniest = 1e-30;

/**
 * The parameters for a kernel of another length. Growing keeps them and gives what is new 1e-3 of the mass; shrinking
 * cuts the kernel, divides it by its sum and recomputes them (boxcars: `u[m] = m·(w[m-1] - w[m])`, m = 1 … K). A ramp is
 * a function of age, w[j] ∝ exp(-j/τ), so its log τ serves any length.
 *
 * @param parameters log τ of `ramp`; weights of the moving averages from length 1 on of `boxcars`; of `cumulative` the
 *   increments and of `simplex` the taps, both from the oldest on
 * @param taps K, the new length
 */
export function resized(family: Family, parameters: Float32Array, taps: number): Float32Array {
  if (taps === parameters.length || family === 'ramp') return parameters;
  switch (family) {
    case 'boxcars':
      return positive(resizedMixture(normalised(parameters), taps));
    case 'cumulative': {
      // The increment of the tap that is m-th from the newest is 1/m of the weight of the moving average of length m.
      const weights = normalised(reversed(parameters).map((increment, i) => increment * (i + 1)));
      return positive(reversed(resizedMixture(weights, taps).map((weight, i) => weight / (i + 1))));
    }
    case 'simplex': {
      const newestFirst = normalised(reversed(parameters));
      const other = taps > newestFirst.length ? grown(newestFirst, taps) : cut(newestFirst, taps);
      return positive(reversed(other));
    }
  }
}

/** Weights of moving averages, length 1 first, Σ = 1. */
function resizedMixture(weights: Float64Array, taps: number): Float64Array {
  if (taps > weights.length) return grown(weights, taps);
  return mixtureWeights(cut(mixtureTaps(weights), taps));
}

function grown(weights: Float64Array, length: number): Float64Array {
  const share = newMass / (length - weights.length);
  return Float64Array.from({ length }, (_, i) => (i < weights.length ? (1 - newMass) * weights[i]! : share));
}

function cut(taps: Float64Array, length: number): Float64Array {
  return normalised(taps.subarray(0, length));
}

function positive(values: Float64Array): Float32Array {
  return Float32Array.from(values, (value) => Math.max(value, tiniest));
}
