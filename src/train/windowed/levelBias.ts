import type { ErrorLoss } from '../losses/errorLoss.ts';

/** Of the range of the errors. */
const smallestStep = 1e-15;

/**
 * The b that makes the mean loss of errors + b smallest: where the mean slope, which rises with b, passes 0. Newton's
 * steps between ends that close in, halving where they would leave them.
 *
 * @param errors at least one
 */
export function levelBias(loss: ErrorLoss, errors: Float64Array, width: number): number {
  const direct = loss.level?.(errors);
  if (direct !== undefined && width === 0) return direct;
  let [lowest, highest, total] = [Infinity, -Infinity, 0];
  for (const error of errors) {
    total += error;
    if (error < lowest) lowest = error;
    if (error > highest) highest = error;
  }
  // With all errors on one side by the width the slopes have one sign.
  let [low, high] = [-highest - width, -lowest + width];
  const closest = (high - low) * smallestStep;
  let bias = direct ?? -total / errors.length;
  while (high - low > closest) {
    let [slope, curvature] = [0, 0];
    for (const error of errors) {
      slope += loss.slope(error + bias, width);
      curvature += loss.curvature(error + bias, width);
    }
    if (slope === 0) return bias;
    if (slope < 0) low = bias;
    else high = bias;
    const next = bias - slope / curvature;
    // Newton's last step has nothing left to halve.
    if (Math.abs(next - bias) <= closest) return next;
    bias = next > low && next < high ? next : (low + high) / 2;
  }
  return high;
}
