import type { Family } from '../dsp/families.ts';
import type { Backend } from './backend.ts';
import type { Certificate } from './certificate.ts';
import type { Fit, FitOptions } from './fit.ts';
import type { Divisors } from './loss.ts';
import type { Polished } from './polish.ts';
import type { ChannelWindows } from './windows.ts';

/** Taps, newest first, Σ w = 1, and a bias for each channel in its unit. */
export interface BiasedTaps {
  readonly taps: Float64Array;
  readonly biases: readonly number[];
}

/** An exponential average `y += a·(x - y)` and what is added to it. */
interface BiasedAverage {
  readonly a: number;
  readonly biases: readonly number[];
}

/** How good filters are on one part of the recordings; 1 is the newest sample alone on the training part. */
export interface Judge {
  loss(kernel: BiasedTaps): number;
  averageLoss(average: BiasedAverage): number;
  /** The loss on each channel alone, whose mean over those that are not null is the loss. */
  byChannel(kernel: BiasedTaps): readonly (number | null)[];
  /** The share of targets that the trend is not below, mean over channels; where the loss aims at one. */
  covered?(kernel: BiasedTaps): number;
}

/**
 * A loss over the training windows of the channels that share a kernel: what learning, proving and comparing ask of it.
 * Where it has biases, everything is judged with the best ones.
 */
export interface Objective extends Judge {
  /** K. */
  readonly taps: number;
  /** Null for a channel that is left out. */
  readonly divisors: Divisors;
  /** The same loss, by the scales of the training part, over another one. */
  over(channels: readonly (readonly ChannelWindows[])[]): Judge;
  /** The best biases for taps with Σ w = 1; zeros where the loss has none or leaves the channel out. */
  biases(w: Float64Array): readonly number[];
  /** TensorFlow's part. */
  fit(backend: Backend, family: Family, options: FitOptions): Promise<Fit>;
  /** The float64 finish of fitted taps. */
  polish(family: Family, fitted: Float64Array, maxLag: number): Polished;
  /** Of exactly the taps (float32, divided by their float64 sum) and biases of a file. */
  certificate(family: Family, kernel: StoredKernel, maxLag: number): Certificate;
  /** The length of the best moving average of at most K samples. */
  bestAverage(maxLag: number): number;
  bestRamp(maxLag: number): Polished;
  /** Of any sign and order, Σ w = 1. */
  bestFree(maxLag: number): Float64Array;
  /** @param slowest the smallest a that is looked at */
  bestExponential(slowest: number): BiasedAverage;
}

interface StoredKernel {
  readonly taps: ArrayLike<number>;
  readonly biases: readonly number[];
}

/** Whether a channel is left. */
export function learnable({ divisors }: Pick<Objective, 'divisors'>): boolean {
  return divisors.some((divisor) => divisor !== null);
}
