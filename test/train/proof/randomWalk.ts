/** How near to the Kalman filter training comes on a random walk of variance q per step in white noise of variance 1. */
import { normalised } from '../../../src/dsp/kernel.ts';
import { trainKernel } from '../../../src/train/train.ts';
import { noisyWalk, recordingOf } from '../support.ts';

export const steps = [0.01, 0.1, 1] as const;
export const taps = 64;
export const samples = 20_000;

/** x/(1+x) with x = (q + √(q²+4q))/2, which no causal filter's mean square error about the level is below. */
export function kalmanError(q: number): number {
  const x = predictionError(q);
  return x / (1 + x);
}

/** x: of the best prediction of the level, so that 1 + x is that of the next sample. */
function predictionError(q: number): number {
  return (q + Math.sqrt(q * q + 4 * q)) / 2;
}

/** The mean square error of a kernel about the level: Σ w² + q·Σ (1 - W)², W the running sum. */
export function levelError(kernel: ArrayLike<number>, q: number): number {
  let running = 0;
  return normalised(kernel).reduce((total, w) => {
    running += w;
    return total + w * w + q * (1 - running) ** 2;
  }, 0);
}

/**
 * What estimating one parameter from n samples must cost on the average, relative to the Kalman filter's error: for
 * efficient estimates n·(excess of the forecast's error)/(1 + x) is distributed as χ² with one degree of freedom.
 */
export function samplingCost(q: number, n: number): number {
  return (1 + predictionError(q)) / n / kalmanError(q);
}

/** Trained on the noisy samples with `forecast:1`, judged by the formula: relative excess over the Kalman filter. */
export async function excessOf(family: 'ramp' | 'boxcars', q: number, seed: number): Promise<number> {
  const walk = recordingOf(noisyWalk(samples, q, seed));
  const { kernels } = await trainKernel([walk], { family, target: 'forecast:1', taps, holdout: 0 });
  return levelError(kernels[0].taps, q) / kalmanError(q) - 1;
}
