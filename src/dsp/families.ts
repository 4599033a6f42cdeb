/**
 * The four kernel families: parameters in, taps out (newest first, float64).
 *
 * `ramp`, `cumulative` and `boxcars` give `w[0] ≥ w[1] ≥ … ≥ w[K-1] ≥ 0` with unit sum (`ramp` for α ≥ 0), which is
 * the convex hull of the K moving averages; `simplex` gives any positive weights with unit sum.
 */
import { FirtrendError } from './error.ts';
import { normalised, reversed } from './kernel.ts';

export const families = ['ramp', 'cumulative', 'boxcars', 'simplex'] as const;
export type Family = (typeof families)[number];

/** softmax(θ): positive, unit sum. Shifted by the maximum, so that no exponential overflows. */
export function softmax(theta: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(theta);
  const highest = values.reduce((a, b) => Math.max(a, b), -Infinity);
  return normalised(values.map((t) => Math.exp(t - highest)));
}

/**
 * The forum's Fir1d: softmax(α·linspace(-m, m, K) + β), m = (K-1)/2, oldest first there and newest first here. β moves
 * every logit alike and provably drops out of a softmax; it is accepted because the forum's module has it.
 * Time constant: (K-1)/(2m·α) = 1/α samples.
 */
export function rampTaps(length: number, alpha: number, beta = 0): Float64Array {
  const m = (length - 1) / 2;
  return softmax(Float64Array.from({ length }, (_, j) => alpha * (m - j) + beta));
}

/**
 * The forum's K-parameter form: cumsum(exp θ), θ from the oldest tap to the newest. `normalise: false` is the raw form,
 * which can be trained but not served, for it does not sum to one.
 */
export function cumulativeTaps(
  theta: ArrayLike<number>,
  options: { normalise?: boolean } = {},
): Float64Array {
  const { normalise = true } = options;
  // A common factor drops out of the normalised form, so the largest exponent can be brought to 0 there.
  const shift = normalise ? Float64Array.from(theta).reduce((a, b) => Math.max(a, b), -Infinity) : 0;
  let total = 0;
  const oldestFirst = Float64Array.from(theta, (t) => {
    total += Math.exp(t - shift);
    return total;
  });
  return reversed(normalise ? normalised(oldestFirst) : oldestFirst);
}

/** Σ_m u[m]·(moving average of length m+1): `weights` run from the moving average of length 1 to that of length K. */
export function mixtureTaps(weights: ArrayLike<number>): Float64Array {
  const taps = new Float64Array(weights.length);
  let tail = 0;
  for (let j = weights.length - 1; j >= 0; j--) {
    tail += weights[j]! / (j + 1);
    taps[j] = tail;
  }
  return taps;
}

/** The inverse of {@link mixtureTaps}: `u[m] = m·(w[m-1] - w[m])`, m = 1 … K. Negative where taps increase with age. */
export function mixtureWeights(taps: ArrayLike<number>): Float64Array {
  return Float64Array.from(taps, (w, j) => (j + 1) * (w - (taps[j + 1] ?? 0)));
}

/** `boxcars`: the mixture of moving averages with weights softmax(θ), θ from length 1 to length K. */
export function boxcarsTaps(theta: ArrayLike<number>): Float64Array {
  return mixtureTaps(softmax(theta));
}

/** `simplex`: softmax(θ), θ from the oldest tap to the newest: positive and unit sum, in no order. */
export function simplexTaps(theta: ArrayLike<number>): Float64Array {
  return reversed(softmax(theta));
}

/** Taps of any family from its parameters in the order given above; `ramp` takes α and an optional β. */
export function familyTaps(family: Family, length: number, parameters: readonly number[]): Float64Array {
  const expected = family === 'ramp' ? [1, 2] : [length];
  if (!expected.includes(parameters.length)) {
    throw new FirtrendError(
      'parameterCount',
      `parameters: ${family} with ${length} taps takes ${expected.join(' or ')} numbers, got ${parameters.length}`,
    );
  }
  if (!parameters.every(Number.isFinite)) {
    throw new FirtrendError(
      'parameterValue',
      `parameters: expected finite numbers, got ${parameters.join(', ')}`,
    );
  }
  switch (family) {
    case 'ramp':
      return rampTaps(length, parameters[0]!, parameters[1]);
    case 'cumulative':
      return cumulativeTaps(parameters);
    case 'boxcars':
      return boxcarsTaps(parameters);
    case 'simplex':
      return simplexTaps(parameters);
  }
}
