import { bestExponential } from '../bestExponential.ts';
import { rampBy } from '../bestRamp.ts';
import type { ErrorLoss } from '../losses/errorLoss.ts';
import type { Scale } from '../losses/scales.ts';
import type { BiasedTaps, Judge, Objective } from '../objective.ts';
import type { Split } from '../split.ts';
import { averageErrors, exponentialErrors, rampErrors } from './averageErrors.ts';
import { fitBatches } from './fitBatches.ts';
import { freeClass, hullClass, newton } from './newton.ts';
import { windowCertificate } from './windowCertificate.ts';
import { errorsOf, meanLoss, meanValue, settled, type WindowLoss, windowLoss } from './windowLoss.ts';

/** As for squared error, the later scans with fewer points, for each is a pass over the windows. */
const rampScans = { points: 65, scans: 6, finer: 9 };

/**
 * Any {@link ErrorLoss}, window by window.
 *
 * @param channels the training windows of each channel
 * @param taps K
 */
export function windowObjective(
  error: ErrorLoss,
  bias: boolean,
  channels: Split['train'],
  scales: readonly (Scale | null)[],
  taps: number,
): Objective {
  const loss = windowLoss(error, bias, channels, scales);
  const biasesOf = (errors: readonly Float64Array[]): number[] => {
    const { biases } = settled(loss, errors, 0);
    const all = channels.map(() => 0);
    loss.channels.forEach(({ index, unit, centre }, c) => {
      if (bias) all[index] = biases[c]! * unit - centre;
    });
    return all;
  };
  const lossAt = (errors: readonly Float64Array[]) => settled(loss, errors, 0).loss;
  const ramp = (maxLag: number) =>
    rampBy(({ timeConstant }) => lossAt(rampErrors(loss, taps, timeConstant)), taps, maxLag, rampScans);
  const free = new Float64Array(taps);
  free[0] = 1;
  return {
    taps,
    divisors: scales.map((scale) => scale?.divisor ?? null),
    ...judge(loss),
    over: (others) => judge(windowLoss(error, bias, others, scales)),
    biases: (w) => biasesOf(errorsOf(loss, w)),
    fit: (backend, family, options) => fitBatches(backend, family, loss, taps, options),
    polish: (family, fitted, maxLag) =>
      family === 'ramp' ? ramp(maxLag) : { taps: newton(loss, fitted, hullClass(family, taps, maxLag)) },
    certificate: (family, kernel, maxLag) =>
      windowCertificate(loss, family, kernel.taps, scaled(loss, kernel.biases), maxLag),
    bestAverage(maxLag) {
      const losses = averageErrors(loss, taps, lossAt).slice(0, Math.floor(2 * maxLag) + 1);
      return 1 + losses.indexOf(Math.min(...losses));
    },
    bestRamp: ramp,
    bestFree: (maxLag) => newton(loss, free, freeClass(maxLag)),
    bestExponential(slowest) {
      const a = bestExponential(
        (rates) => rates.map((rate) => lossAt(exponentialErrors(loss, rate))),
        slowest,
      );
      return { a, biases: biasesOf(exponentialErrors(loss, a)) };
    },
  };
}

function judge(loss: WindowLoss): Judge {
  const { error } = loss;
  const errors = ({ taps, biases }: BiasedTaps) => ({
    own: errorsOf(loss, taps),
    levels: scaled(loss, biases),
  });
  return {
    loss(kernel) {
      const { own, levels } = errors(kernel);
      return meanLoss(loss, own, levels, 0);
    },
    byChannel(kernel) {
      const { own, levels } = errors(kernel);
      const all: (number | null)[] = kernel.biases.map(() => null);
      loss.channels.forEach(({ index, divisor }, c) => {
        all[index] = meanValue(error, own[c]!, levels[c]!, 0) / divisor;
      });
      return all;
    },
    averageLoss: ({ a, biases }) => meanLoss(loss, exponentialErrors(loss, a), scaled(loss, biases), 0),
    ...(error.covers !== undefined && {
      covered(kernel) {
        const { own, levels } = errors(kernel);
        const shares = own.map(
          (part, c) => part.filter((value) => value + levels[c]! >= 0).length / part.length,
        );
        return shares.reduce((a, b) => a + b, 0) / shares.length;
      },
    }),
  };
}

/** Biases of all channels as those of the channels taken, in their units of error and for their centred targets. */
function scaled({ channels }: WindowLoss, biases: readonly number[]): number[] {
  return channels.map(({ index, unit, centre }) => (biases[index]! + centre) / unit);
}
