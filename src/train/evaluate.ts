/** How good an existing model is on recordings it may never have seen: everything of training but the learning. */
import { FirtrendError } from '../dsp/error.ts';
import type { Family } from '../dsp/families.ts';
import { guarantees } from '../dsp/guarantees.ts';
import { type Kernel, normalised } from '../dsp/kernel.ts';
import { aligned } from './aligned.ts';
import { type Baselines, baselines, type Losses } from './baselines.ts';
import { biasExcess, withBestBiases } from './bias.ts';
import { type Certificate, certificate } from './certificate.ts';
import type { Problem } from './learn.ts';
import { channelLosses, learnable, lossOver, trainingLoss } from './loss.ts';
import { pooledCertificate, pooledLosses } from './pooled.ts';
import type { AnyRecording } from './recording.ts';
import { withReferences } from './references.ts';
import { type Scratch, withScratch } from './scratch.ts';
import { splitWindows } from './split.ts';
import { parseTarget } from './targets.ts';
import { dataSha256, fewWindows, leftOutChannels, whyNotHeldOut } from './train.ts';
import { verdict } from './verdict.ts';

/** What is judged: the kernels of a model file. */
export interface JudgedModel {
  /** One for all channels, or one for each in their order; taps are float32 numbers, newest first. */
  readonly kernels: readonly Kernel[];
  /** The channels it serves, where it names them. */
  readonly channels?: readonly string[] | null;
  /** The class its kernels are measured against; left out, `boxcars` for falling taps, else `simplex`. */
  readonly family?: Family | undefined;
}

export interface EvaluateOptions {
  /** `forecast:H`, `smooth:PERIOD` or `column:…`. */
  readonly target: string;
  /** As in training: the share of each recording, its end, that is held out; default 0.2. */
  readonly holdout?: number;
  readonly fill?: number;
}

export interface Evaluation {
  readonly target: string;
  readonly family: Family;
  /** Hz, of the recordings. */
  readonly rate: number;
  readonly channels: readonly string[];
  /** Relative to the newest sample alone on the training part of these recordings; `learned` is the model. */
  readonly loss: {
    readonly train: Losses;
    readonly heldOut: Losses | null;
    readonly heldOutReason?: string;
  };
  /** The baselines', for each kernel that has a loss. */
  readonly tuned: readonly Baselines['tuned'][];
  /** How far the model is at most above the best of its class on the training part. */
  readonly certificate: Certificate;
  readonly windows: { readonly used: number; readonly leftOut: number };
  readonly verdict: string;
  readonly warnings: readonly string[];
  readonly dataSha256: string;
}

/**
 * The losses and the certificate of a model on recordings, split as training splits them: baselines are tuned on the
 * training part, and the gap is that of its loss. A kernel for each channel is measured against the best kernel of that
 * channel, a shared one against the best shared one; a model with biases against kernels with biases. A limit on the lag
 * is not in the model file, so the gap is to the best kernel of any lag.
 *
 * @throws FirtrendError `target`, `noRecording`, `channelMismatch`, `rateMismatch`, `nothingToLearn`, those of
 *   {@link splitWindows}
 */
export function evaluate(
  recordings: readonly AnyRecording[],
  model: JudgedModel,
  options: EvaluateOptions,
): Evaluation {
  return withScratch((scratch) => evaluateOn(recordings, model, options, scratch));
}

function evaluateOn(
  recordings: readonly AnyRecording[],
  model: JudgedModel,
  options: EvaluateOptions,
  scratch: Scratch,
): Evaluation {
  const { target: targetText, holdout = 0.2, fill = 0 } = options;
  const { rate, recordings: columns } = aligned(recordings);
  const target = parseTarget(targetText, rate);
  const data = withReferences(columns, target);
  const { channels } = data[0]!;
  mustServe(model, channels);
  const unit = target.kind === 'column' ? 'target' : 'newest';
  const { kernels, family = classOf(kernels) } = model;
  const taps = kernels[0]!.taps.length;

  const split = splitWindows(data, target, taps, holdout, fill, scratch);
  const whole = trainingLoss(split.train, taps, unit);
  const heldOutReason = whyNotHeldOut(split, holdout, whole.divisors);
  const judged = heldOutReason === undefined;
  const bias = kernels.some((kernel) => kernel.bias !== 0);
  const common = { family, bias, maxLag: Infinity };
  const parts: { kernel: Kernel; biases: number[]; problem: Problem }[] = isShared(kernels)
    ? [
        {
          kernel: kernels[0]!,
          biases: channels.map((_, c) => (kernels[c] ?? kernels[0]!).bias),
          problem: {
            ...common,
            split,
            train: whole,
            heldOut: judged ? lossOver(split.heldOut, whole) : null,
          },
        },
      ]
    : channelLosses(split.train, taps, unit).map((train, c) => {
        const own = { train: [split.train[c]!], heldOut: [split.heldOut[c]!] };
        const some = judged && own.heldOut[0]!.some(({ used }) => used > 0);
        const heldOut = some ? lossOver(own.heldOut, train) : null;
        return {
          kernel: kernels[c]!,
          biases: [kernels[c]!.bias],
          problem: { ...common, split: own, train, heldOut },
        };
      });

  const all = parts
    .filter(({ problem }) => learnable(problem.train))
    .map(({ kernel, biases, problem }) => {
      const served = normalised(kernel.taps);
      const { train } = problem;
      return {
        certificate: certificate(family, kernel.taps, bias ? withBestBiases(train) : train, {
          biasExcess: bias ? biasExcess(train, served, biases) : 0,
        }),
        ...baselines({ taps: served, biases }, problem),
      };
    });
  const train = pooledLosses(all.map((one) => one.train))!;
  const heldOut = pooledLosses(all.map((one) => one.heldOut));
  const windows = split.train.map((runs, c) => ({
    name: channels[c]!,
    used: runs.reduce((total, { used }) => total + used, 0),
    leftOut: runs.reduce((total, { leftOut }) => total + leftOut, 0),
  }));
  return {
    target: targetText,
    family,
    rate,
    channels,
    loss: { train, heldOut, ...(heldOutReason !== undefined && { heldOutReason }) },
    tuned: all.map(({ tuned }) => tuned),
    certificate: pooledCertificate(all),
    windows: {
      used: windows.reduce((total, { used }) => total + used, 0),
      leftOut: windows.reduce((total, { leftOut }) => total + leftOut, 0),
    },
    verdict: worse(train) ?? verdict({ train, heldOut, target }),
    warnings: [...windows.flatMap(fewWindows), ...leftOutChannels(channels, whole.divisors, unit)],
    dataSha256: dataSha256(recordings),
  };
}

/** @throws FirtrendError `channelMismatch` */
export function mustServe({ channels, kernels }: JudgedModel, found: readonly string[]): void {
  const fits = channels
    ? channels.join('\n') === found.join('\n')
    : kernels.length === 1 || kernels.length === found.length;
  if (fits) return;
  throw new FirtrendError(
    'channelMismatch',
    `columns: expected ${channels?.join(', ') ?? `${kernels.length} channels`}, as the model was trained, got ${found.join(', ')}`,
  );
}

/** The smallest class with a proof that the kernels lie in. */
function classOf(kernels: readonly Kernel[]): Family {
  return kernels.every((kernel) => guarantees(kernel).concaveStepResponse) ? 'boxcars' : 'simplex';
}

/** Whether all channels have the same taps, as a shared kernel has that only its biases make several. */
function isShared(kernels: readonly Kernel[]): boolean {
  return kernels.every(({ taps }) => taps.every((tap, j) => tap === kernels[0]!.taps[j]));
}

/** Said where another filter of its class is far better: it is the model, not the data, that has nothing to give. */
function worse({ learned, ramp, sma, newest }: Losses): string | undefined {
  const best = Math.min(ramp, sma, newest);
  if (learned <= 1.05 * best) return undefined;
  const rival =
    best === newest ? 'no filter at all' : best === ramp ? 'the best ramp' : 'the best moving average';
  return (
    `This model does not fit these recordings: its squared error is ${(learned / best).toPrecision(3)} times that of ` +
    `${rival}; train on them, or check rate, unit and target.`
  );
}
