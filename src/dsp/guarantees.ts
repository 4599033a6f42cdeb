import type { Kernel } from './kernel.ts';
import { sum } from './kernel.ts';

/** What is true of every trend that a kernel makes, read off its taps. */
export interface Guarantees {
  readonly taps: number;
  /** Σ j·w[j] / Σ w[j]: the group delay at DC (samples). */
  readonly lag: number;
  /** Σ w[j]²: white noise of variance 1 comes out with this variance. */
  readonly noiseGain: number;
  /** Σ w[j]. */
  readonly dcGain: number;
  /** Every tap ≥ 0 and no bias: the trend never leaves the range of the samples in its window. */
  readonly noOvershoot: boolean;
  /** No tap below 0: the step response never turns back. */
  readonly monotoneStepResponse: boolean;
  /** No tap above a newer one: the newest sample weighs most, and the step response is concave. */
  readonly concaveStepResponse: boolean;
  /** |Σ w - 1| ≤ 2^-20: a constant comes out as itself. */
  readonly unitGain: boolean;
  /** Which of the class's guarantees this kernel lacks, in words; empty inside the class. */
  readonly lost: readonly string[];
}

/** How far Σ w of float32 taps may lie from 1. */
export const unitTolerance = 2 ** -20;

/**
 * The guarantees of a kernel, recomputed from its taps (never believed from a file).
 * The class is `w[0] ≥ … ≥ w[K-1] ≥ 0`, `Σ w = 1`, no bias.
 */
export function guarantees({ taps, bias }: Kernel): Guarantees {
  const dcGain = sum(taps);
  const positive = taps.every((w) => w >= 0);
  const ordered = taps.every((w, j) => j === 0 || w <= taps[j - 1]!);
  const unitGain = Math.abs(dcGain - 1) <= unitTolerance;
  const lost = [
    positive ? '' : 'a tap is negative: the trend may overshoot the samples in its window',
    ordered ? '' : 'an older sample weighs more than a newer one: the step response is not concave',
    unitGain ? '' : `the taps sum to ${dcGain}: a constant does not come out as itself`,
    bias === 0
      ? ''
      : `a bias of ${Number(bias.toPrecision(6))} is added: the trend may leave the range of the samples in its window`,
  ].filter((text) => text !== '');
  return {
    taps: taps.length,
    lag: sum(taps.map((w, j) => j * w)) / dcGain,
    noiseGain: sum(taps.map((w) => w * w)),
    dcGain,
    noOvershoot: positive && unitGain && bias === 0,
    monotoneStepResponse: positive,
    concaveStepResponse: positive && ordered,
    unitGain,
    lost,
  };
}

/** The guarantees that hold for every kernel of a model: the largest lag and noise gain, the DC gain farthest from 1. */
export function worstGuarantees(kernels: readonly Kernel[], channels: readonly string[] | null): Guarantees {
  const each = kernels.map(guarantees);
  if (each.length === 1) return each[0]!;
  return {
    taps: each[0]!.taps,
    lag: largest(each.map((g) => g.lag)),
    noiseGain: largest(each.map((g) => g.noiseGain)),
    dcGain: each.map((g) => g.dcGain).reduce((a, b) => (Math.abs(b - 1) > Math.abs(a - 1) ? b : a)),
    noOvershoot: each.every((g) => g.noOvershoot),
    monotoneStepResponse: each.every((g) => g.monotoneStepResponse),
    concaveStepResponse: each.every((g) => g.concaveStepResponse),
    unitGain: each.every((g) => g.unitGain),
    lost: each.flatMap((g, i) => g.lost.map((text) => `channel ${channels?.[i] ?? i}: ${text}`)),
  };
}

function largest(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b));
}
