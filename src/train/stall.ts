import type { Fit } from './fit.ts';

/** Below this share of the way to the best loss, the steps by gradient did not do their work. */
const littleOfTheWay = 0.5;
/** A loss within this of the best is close whatever the way was. */
const closeEnough = 0.01;

/**
 * Why the gradient steps of a fit hardly moved the kernel, in one sentence with the figures; null where they did, or where
 * there was nothing to move for.
 *
 * @param best the loss of the finished kernel, which the float64 polish found
 * @param learningRate the largest step asked for, if one was
 */
export function stall(
  { trajectory, steps, moved, gradientNorm, stopped }: Omit<Fit, 'taps'>,
  best: number,
  learningRate?: number,
): string | null {
  const [first, last] = [trajectory[0]!, trajectory.at(-1)!];
  const way = first - best;
  if (last - best <= closeEnough * best || first - last >= littleOfTheWay * way) return null;
  const figures =
    `${steps} ${steps === 1 ? 'step' : 'steps'} lowered the loss from ${short(first)} to ${short(last)} where ${short(best)} is ` +
    `possible, and moved the parameters by ${short(moved)} (gradient norm ${short(gradientNorm)})`;
  const why =
    learningRate !== undefined
      ? `a learning rate of ${learningRate} is too small to get there; leave it out, and the step size adapts itself`
      : stopped === 'steps'
        ? 'the steps ran out'
        : 'no step against the gradient lowers the loss any more';
  return `training stalled: ${figures}: ${why}. The float64 polish finished the kernel`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(3)));
}
