import type { Tensor } from '@tensorflow/tfjs-node';
import type { TensorFlow } from '../backend.ts';

/**
 * A convex loss of one error e = trend - target. To add one, write a file like `huber.ts` and a line in `parseLoss.ts`.
 *
 * Where the loss has a kink, or a bend so sharp that second derivatives say nothing, `width` > 0 asks for a convex
 * stand-in that is rounded over errors of about that size and tends to the loss as the width falls to 0; a loss that is
 * smooth at the scale of its errors may take no notice. Slopes of any width lie in the range of the slopes of width 0.
 */
export interface ErrorLoss {
  /** As `--loss` takes it, parameters included: `huber:1`. */
  readonly name: string;
  /** What a sentence calls it. */
  readonly noun: string;
  /** Whether kernels have a bias unless told otherwise. */
  readonly bias: boolean;
  /** The share of targets that the best trend is not below, where that is the loss's purpose. */
  readonly covers?: number;
  /** ≥ 0, for errors in units of the newest sample's root mean square error. */
  value(error: number, width: number): number;
  /** Its derivative; a subgradient where there are several. */
  slope(error: number, width: number): number;
  /** The derivative of the slope, ≥ 0 and finite: 0 at a kink; above 0 at an error of 0 for every width > 0. */
  curvature(error: number, width: number): number;
  /** The b that makes the mean loss of errors + b smallest at width 0, where there is a direct way to it. */
  level?(errors: Float64Array): number;
  /** The convex conjugate of the loss of width 0 at one of its slopes: the most that slope·e - value(e) comes to. */
  conjugate(slope: number): number;
  /** `value` of width 0 on a tensor of errors, element by element, differentiable. */
  tensor(tf: TensorFlow, errors: Tensor): Tensor;
}
