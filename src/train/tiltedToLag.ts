/**
 * Positive weights tilted by exp(-ν·lag) with the smallest ν ≥ 0 that brings their mean lag to `maxLag`: the projection
 * in relative entropy, which goes with multiplicative steps.
 *
 * @param of what weight i stands for: its mass in the kernel for each unit of weight, and the lag of that (samples)
 * @param maxLag ≥ 0; the lags begin at 0
 */
export function tiltedToLag(
  weights: Float32Array,
  of: (i: number) => { readonly mass: number; readonly lag: number },
  maxLag: number,
): Float32Array {
  const parts = Array.from(weights, (_, i) => of(i));
  const tilted = (nu: number) =>
    Float32Array.from(weights, (weight, i) => weight * Math.exp(-nu * parts[i]!.lag));
  const lag = (values: Float32Array) => {
    let [moment, total] = [0, 0];
    parts.forEach((part, i) => {
      moment += part.mass * values[i]! * part.lag;
      total += part.mass * values[i]!;
    });
    return moment / total;
  };
  if (lag(weights) <= maxLag) return weights;
  let [low, high] = [0, 1];
  while (lag(tilted(high)) > maxLag && high < steepest) [low, high] = [high, 2 * high];
  for (let halving = 0; halving < halvings; halving++) {
    const middle = (low + high) / 2;
    if (lag(tilted(middle)) > maxLag) low = middle;
    else high = middle;
  }
  return tilted(high).map((weight) => Math.max(weight, tiniest));
}

/** At this tilt the weight half a sample older is below 1e-200 of its neighbour. */
const steepest = 1000;
/** Beyond float32's 24 bits. */
const halvings = 40;
/** A weight that has underflowed could never come back. */
const tiniest = 1e-30;
