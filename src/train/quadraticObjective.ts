import { normalised } from '../dsp/kernel.ts';
import { bestExponential } from './bestExponential.ts';
import { bestFree } from './bestFree.ts';
import { bestRamp } from './bestRamp.ts';
import { bestBiases, biasExcess, biasedLoss, biasedLossByChannel, withBestBiases } from './bias.ts';
import { certificate } from './certificate.ts';
import { emaBiases, emaLosses } from './emaLosses.ts';
import { fitKernel } from './fitKernel.ts';
import { lossOver, type PartLoss, type QuadraticLoss } from './loss.ts';
import type { Judge, Objective } from './objective.ts';
import { polish } from './polish.ts';
import type { Split } from './split.ts';

/**
 * `mse`: the loss is a quadratic form, found in one pass over the windows.
 *
 * @param channels the training windows of each channel, over which `train` is
 * @param bias whether each channel has a bias
 */
export function quadraticObjective(channels: Split['train'], train: PartLoss, bias: boolean): Objective {
  const { taps, divisors } = train;
  const tuning = bias ? withBestBiases(train) : train;
  const none = divisors.map(() => 0);
  return {
    taps,
    divisors,
    ...judge(channels, train),
    over: (others) => judge(others, lossOver(others, train)),
    biases: (w) => (bias ? bestBiases(train, w) : none),
    fit: (backend, family, options) => fitKernel(backend, family, tuning, options),
    polish: (family, fitted, maxLag) => polish(family, fitted, tuning, maxLag),
    certificate: (family, { taps: stored, biases }, maxLag) =>
      certificate(family, stored, tuning, {
        maxLag,
        biasExcess: bias ? biasExcess(train, normalised(stored), biases) : 0,
      }),
    bestAverage: (maxLag) => bestAverage(tuning, maxLag),
    bestRamp: (maxLag) => bestRamp(tuning, maxLag),
    bestFree: (maxLag) => bestFree(tuning, maxLag),
    bestExponential(slowest) {
      const a = bestExponential(
        (rates) => emaLosses(channels, train, rates, bias ? 'best' : undefined),
        slowest,
      );
      return { a, biases: bias ? emaBiases(channels, train, a) : none };
    },
  };
}

function judge(channels: Split['train'], part: PartLoss): Judge {
  return {
    loss: ({ taps, biases }) => biasedLoss(part, taps, biases),
    byChannel: ({ taps, biases }) => biasedLossByChannel(part, taps, biases),
    averageLoss: ({ a, biases }) => emaLosses(channels, part, Float64Array.of(a), biases)[0]!,
  };
}

/** The length whose moving average has the smallest loss: v'Mv is the mean of the leading m × m corner of M. */
function bestAverage({ matrix, taps }: QuadraticLoss, maxLag: number): number {
  let best = 1;
  let lowest = Infinity;
  let corner = 0;
  for (let m = 1; m <= taps && (m - 1) / 2 <= maxLag; m++) {
    for (let i = 0; i < m - 1; i++) corner += 2 * matrix[i * taps + m - 1]!;
    corner += matrix[(m - 1) * taps + m - 1]!;
    const value = corner / (m * m);
    if (value < lowest) [lowest, best] = [value, m];
  }
  return best;
}
