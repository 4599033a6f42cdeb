/** From recordings to a kernel: the whole of training, to be read from top to bottom. */
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { FirtrendError, nearest } from '../dsp/error.ts';
import { type Family, families } from '../dsp/families.ts';
import { type Guarantees, worstGuarantees } from '../dsp/guarantees.ts';
import { maxTaps, normalised } from '../dsp/kernel.ts';
import { aligned } from './aligned.ts';
import { type Backend, loadBackend } from './backend.ts';
import type { Baselines, Losses } from './baselines.ts';
import type { Certificate } from './certificate.ts';
import { type ChannelLoss, lossByChannel, worseChannels } from './channelLosses.ts';
import type { Fit, FitOptions } from './fitKernel.ts';
import type { Problem } from './learn.ts';
import { kernelsOf, learnAll, type TrainedKernel } from './learnAll.ts';
import { channelLosses, type Divisors, lossOver, trainingLoss } from './loss.ts';
import { parseMaxLag } from './maxLag.ts';
import { pooledCertificate, pooledFit, pooledLosses } from './pooled.ts';
import type { AnyRecording } from './recording.ts';
import { withReferences } from './references.ts';
import { type Scratch, withScratch } from './scratch.ts';
import { spacingWarnings } from './spacing.ts';
import { mostWindows, type Split, splitWindows } from './split.ts';
import { stall } from './stall.ts';
import { parseTarget, type Target } from './targets.ts';
import { verdict } from './verdict.ts';

export interface TrainOptions {
  /** K, 1 … 513; default ⌈2P⌉ + 1 for `smooth:P`, else 65. */
  readonly taps?: number;
  /** Lengths K at which it trains first, one after the other; none above `taps`. */
  readonly lengths?: readonly number[];
  /** The most that the logarithm of a parameter changes by in a step; by default the step size adapts itself. */
  readonly learningRate?: number;
  /** Default `boxcars`. */
  readonly family?: string;
  /** `forecast:H`, `smooth:PERIOD`, `column:NAME` or `column:A=REF_A,B=REF_B`; default `smooth:32`. */
  readonly target?: string;
  /** Default and so far only `mse`. */
  readonly loss?: string;
  /** The share of each recording, its end, that is held out: 0 … below 1, default 0.2. */
  readonly holdout?: number;
  /** Holes of up to so many samples are interpolated in the inputs, never in the targets; default 0. */
  readonly fill?: number;
  /** A kernel for each channel instead of one for all. */
  readonly perChannel?: boolean;
  /** A bias for each channel, added outside the weighted mean. */
  readonly bias?: boolean;
  /** The largest lag Σ j·w[j] of a kernel: samples, or seconds with `s`; default none. */
  readonly maxLag?: string;
  /** Carried into the result; fitting by squared error draws no random number. */
  readonly seed?: number;
}

/** What happens while it trains. */
export type TrainHooks = Pick<FitOptions, 'onProgress' | 'signal' | 'gradient'> & {
  /** Stands in for {@link loadBackend}. */
  readonly backend?: () => Promise<Backend>;
  /** Where targets go. */
  readonly scratch?: () => Scratch;
};

export interface TrainResult {
  readonly family: Family;
  /** As given, or the default. */
  readonly target: string;
  readonly lossName: 'mse';
  readonly seed: number;
  /** Hz. */
  readonly rate: number;
  readonly channels: readonly string[];
  /**
   * One for all channels (`channel: null`); with a bias or with `perChannel` one for each, in the order of `channels`.
   */
  readonly kernels: readonly [TrainedKernel, ...TrainedKernel[]];
  /** Of several kernels the worst. */
  readonly guarantees: Guarantees;
  /** Losses relative to the newest sample alone on the training part; of `column` to the target's variance. */
  readonly loss: {
    readonly train: Losses;
    readonly heldOut: Losses | null;
    /** Why `heldOut` is null. */
    readonly heldOutReason?: string;
  };
  /** Channel by channel, in the order of `channels`. */
  readonly channelLosses: readonly ChannelLoss[];
  /** For each kernel that was learned: one, or with `perChannel` one for each channel that has a loss. */
  readonly tuned: readonly Baselines['tuned'][];
  /** Of kernels for each channel the mean. */
  readonly certificate: Certificate;
  /** Windows of the training part, summed over channels; `leftOut` for missing samples alone. */
  readonly windows: Windows & { readonly channels: readonly (Windows & { readonly name: string })[] };
  /** Of a shared ramp, 1/α in samples: 0 is the newest sample alone, null (infinite) the moving average. */
  readonly timeConstant?: number | null;
  /** Of kernels for each channel the mean loss by step, and the worst of the rest. */
  readonly fit: Omit<Fit, 'taps'> & { readonly steps: number };
  readonly backend: Pick<Backend, 'name' | 'native' | 'version'>;
  /** One plain sentence. */
  readonly verdict: string;
  readonly warnings: readonly string[];
  /** Of the one file; of several, of their hexadecimal digests joined by line feeds. */
  readonly dataSha256: string;
  readonly seconds: number;
}

export interface Windows {
  readonly used: number;
  readonly leftOut: number;
}

/** A held-out part with fewer windows than this says nothing. */
const fewestHeldOut = 100;

/**
 * Trains one kernel for all channels of the recordings, or one for each. The same recordings, options and backend give
 * the same kernels.
 *
 * @throws FirtrendError `family`, `loss`, `taps`, `lengths`, `learningRate`, `target`, `maxLag`, `noRecording`, `channelMismatch`, `rateMismatch`, those of
 *   {@link splitWindows}, `nothingToLearn`, `tensorflowMissing`; the reason of `signal` where it aborts
 */
export async function trainKernel(
  recordings: readonly AnyRecording[],
  options: TrainOptions = {},
  hooks: TrainHooks = {},
): Promise<TrainResult> {
  return withScratch((scratch) => trainOn(recordings, options, hooks, scratch), hooks.scratch);
}

async function trainOn(
  recordings: readonly AnyRecording[],
  options: TrainOptions,
  hooks: TrainHooks,
  scratch: Scratch,
): Promise<TrainResult> {
  const started = performance.now();
  const { target: targetText = 'smooth:32', holdout = 0.2, fill = 0, seed = 1 } = options;
  const { perChannel = false, bias = false } = options;
  const family = oneOf('family', options.family ?? 'boxcars', families);
  const lossName = oneOf('loss', options.loss ?? 'mse', ['mse'] as const);
  const { rate, recordings: columns } = aligned(recordings);
  const target = parseTarget(targetText, rate);
  const data = withReferences(columns, target);
  const { channels } = data[0]!;
  const unit = target.kind === 'column' ? 'target' : 'newest';
  const maxLag = options.maxLag === undefined ? Infinity : parseMaxLag(options.maxLag, rate);
  const taps = checkedTaps(options.taps ?? defaultTaps(target, targetText));
  checkSteps(options, taps);

  const pause = async (): Promise<void> => {
    // Lets a signal's handler run: the statistics of a long recording block for seconds.
    await setImmediate();
    hooks.signal?.throwIfAborted();
  };
  await pause();
  const split = splitWindows(data, target, taps, holdout, fill, scratch);
  await pause();
  const trainLoss = trainingLoss(split.train, taps, unit);
  const { divisors } = trainLoss;
  await pause();
  const heldOutReason = whyNotHeldOut(split, holdout, divisors);
  const judged = heldOutReason === undefined;
  const problems: Problem[] = perChannel
    ? channelLosses(split.train, taps, unit).map((train, c) => {
        const own = { train: [split.train[c]!], heldOut: [split.heldOut[c]!] };
        const some = judged && own.heldOut[0]!.some(({ used }) => used > 0);
        return {
          family,
          bias,
          maxLag,
          split: own,
          train,
          heldOut: some ? lossOver(own.heldOut, train) : null,
        };
      })
    : [
        {
          family,
          bias,
          maxLag,
          split,
          train: trainLoss,
          heldOut: judged ? lossOver(split.heldOut, trainLoss) : null,
        },
      ];

  const backend = await (hooks.backend ?? loadBackend)();
  const { onProgress, signal, gradient } = hooks;
  const { lengths, learningRate } = options;
  const learned = await learnAll(backend, problems, {
    ...(onProgress && { onProgress }),
    ...(signal && { signal }),
    ...(gradient && { gradient }),
    ...(lengths && { lengths }),
    ...(learningRate !== undefined && { learningRate }),
  });
  const kernels = kernelsOf(channels, problems, learned, { perChannel, bias });
  const all = learned.filter((one) => one !== null);
  const train = pooledLosses(all.map((one) => one.train))!;
  const heldOut = pooledLosses(all.map((one) => one.heldOut));
  const { timeConstant } = perChannel ? {} : all[0]!;
  const fit = pooledFit(all.map((one) => one.fit));
  const byChannel = lossByChannel(
    channels,
    kernels.map(({ taps, bias: own }) => ({ taps: normalised(taps), bias: own })),
    problems,
  );
  const windows = split.train.map((parts, c) => ({
    name: channels[c]!,
    used: parts.reduce((total, { used }) => total + used, 0),
    leftOut: parts.reduce((total, { leftOut }) => total + leftOut, 0),
  }));
  return {
    family,
    target: targetText,
    lossName,
    seed,
    rate,
    channels,
    kernels,
    guarantees: worstGuarantees(
      kernels.map((kernel) => ({ taps: Float64Array.from(kernel.taps), bias: kernel.bias })),
      channels,
    ),
    loss: { train, heldOut, ...(heldOutReason !== undefined && { heldOutReason }) },
    channelLosses: byChannel,
    tuned: all.map(({ tuned }) => tuned),
    certificate: pooledCertificate(all),
    windows: {
      used: windows.reduce((total, { used }) => total + used, 0),
      leftOut: windows.reduce((total, { leftOut }) => total + leftOut, 0),
      channels: windows,
    },
    ...(timeConstant !== undefined && { timeConstant }),
    fit: { ...fit, steps: fit.trajectory.length - 1 },
    backend: { name: backend.name, native: backend.native, version: backend.version },
    verdict: verdict({ train, heldOut, target }),
    warnings: [
      ...backend.warnings,
      ...data.flatMap(spacingWarnings),
      ...windows.flatMap(fewWindows),
      ...learned.flatMap((one, i) => {
        const why = one && stall(one.fit, one.train.learned, learningRate);
        return why ? [perChannel ? `channel "${channels[i]}": ${why}` : why] : [];
      }),
      ...leftOutChannels(channels, divisors, unit),
      ...worseChannels(byChannel, perChannel),
      ...(heldOutReason === undefined || holdout === 0
        ? []
        : [`no losses on held-out data: ${heldOutReason}`]),
    ],
    dataSha256: dataSha256(recordings),
    seconds: (performance.now() - started) / 1000,
  };
}

function defaultTaps(target: Target, text: string): number {
  if (target.kind !== 'smooth') return 65;
  const taps = Math.ceil(2 * target.period) + 1;
  if (taps <= maxTaps) return taps;
  throw new FirtrendError(
    'taps',
    `target: ${text} would have ${taps} taps (2 P + 1), and a kernel has at most ${maxTaps}; choose --taps ${maxTaps} or a shorter period`,
  );
}

function checkedTaps(taps: number): number {
  if (Number.isInteger(taps) && taps >= 1 && taps <= maxTaps) return taps;
  throw new FirtrendError('taps', `taps: expected a whole number from 1 to ${maxTaps}, got ${taps}`);
}

function checkSteps({ lengths = [], learningRate = 1 }: TrainOptions, taps: number): void {
  const wrong = lengths.find((length) => !(Number.isInteger(length) && length >= 1 && length <= taps));
  if (wrong !== undefined) {
    throw new FirtrendError('lengths', `lengths: expected whole numbers from 1 to K = ${taps}, got ${wrong}`);
  }
  if (!(learningRate > 0 && Number.isFinite(learningRate))) {
    throw new FirtrendError('learningRate', `learning rate: expected a number above 0, got ${learningRate}`);
  }
}

function oneOf<T extends string>(what: string, name: string, known: readonly T[]): T {
  const found = known.find((candidate) => candidate === name);
  if (found !== undefined) return found;
  const near = nearest(name, known);
  throw new FirtrendError(
    what,
    `${what}: expected one of ${known.join(', ')}, got ${name}${near.length > 0 ? `; did you mean ${near[0]}?` : ''}`,
  );
}

export function whyNotHeldOut(split: Split, holdout: number, divisors: Divisors): string | undefined {
  if (holdout === 0) return 'nothing was held out';
  const windows = mostWindows(split.heldOut.filter((_, c) => divisors[c] !== null));
  if (windows >= fewestHeldOut) return undefined;
  return `the held-out part has ${windows} windows with a target, fewer than ${fewestHeldOut}`;
}

export function fewWindows({ name, used, leftOut }: Windows & { readonly name: string }): string[] {
  if (leftOut <= used) return [];
  return [
    `channel "${name}": ${leftOut} of ${used + leftOut} windows were left out for missing samples; ` +
      '--fill N interpolates holes of up to N samples',
  ];
}

export function leftOutChannels(
  channels: readonly string[],
  divisors: Divisors,
  unit: 'newest' | 'target' = 'newest',
): string[] {
  const why = unit === 'newest' ? 'its newest sample always is the target' : 'its target does not vary';
  return channels.flatMap((name, c) =>
    divisors[c] === null ? [`channel "${name}" was left out of the loss: ${why}, or it has no window`] : [],
  );
}

export function dataSha256(recordings: readonly AnyRecording[]): string {
  const digests = recordings.map(({ sha256 }) => sha256);
  return digests.length === 1 ? digests[0]! : createHash('sha256').update(digests.join('\n')).digest('hex');
}
