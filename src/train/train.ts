/** From recordings to a kernel: the whole of training, to be read from top to bottom. */
import { createHash } from 'node:crypto';
import { FirtrendError, nearest } from '../dsp/error.ts';
import { type Family, families } from '../dsp/families.ts';
import { type Guarantees, guarantees } from '../dsp/guarantees.ts';
import { maxTaps, normalised, storedTaps } from '../dsp/kernel.ts';
import { aligned } from './aligned.ts';
import { type Backend, loadBackend } from './backend.ts';
import { type Baselines, baselines, type Losses } from './baselines.ts';
import { type Certificate, certificate } from './certificate.ts';
import { type Fit, type FitOptions, fitKernel } from './fitKernel.ts';
import { lossOver, type QuadraticLoss, trainingLoss } from './loss.ts';
import { polish } from './polish.ts';
import type { Recording } from './recording.ts';
import { spacingWarnings } from './spacing.ts';
import { mostWindows, type Split, splitWindows } from './split.ts';
import { parseTarget, type Target } from './targets.ts';
import { verdict } from './verdict.ts';

export interface TrainOptions {
  /** K, 1 … 513; default ⌈2P⌉ + 1 for `smooth:P`, else 65. */
  readonly taps?: number;
  /** Default `boxcars`. */
  readonly family?: string;
  /** `forecast:H` or `smooth:PERIOD`; default `smooth:32`. */
  readonly target?: string;
  /** Default and so far only `mse`. */
  readonly loss?: string;
  /** The share of each recording, its end, that is held out: 0 … below 1, default 0.2. */
  readonly holdout?: number;
  /** Carried into the result; fitting by squared error draws no random number. */
  readonly seed?: number;
}

/** What happens while it trains. */
export type TrainHooks = Pick<FitOptions, 'onProgress' | 'signal' | 'gradient'> & {
  /** Stands in for {@link loadBackend}. */
  readonly backend?: () => Promise<Backend>;
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
  /** One kernel for all channels: the float32 taps of the file, newest first. */
  readonly kernels: readonly [
    {
      readonly channel: null;
      readonly taps: Float32Array;
      readonly bias: number;
      readonly certificate: Certificate;
    },
  ];
  readonly guarantees: Guarantees;
  /** Losses relative to the newest sample alone on the training part. */
  readonly loss: {
    readonly train: Losses;
    readonly heldOut: Losses | null;
    /** Why `heldOut` is null. */
    readonly heldOutReason?: string;
  };
  readonly tuned: Baselines['tuned'];
  readonly certificate: Certificate;
  /** Windows of the training part, summed over channels; `leftOut` for missing samples alone. */
  readonly windows: Windows & { readonly channels: readonly (Windows & { readonly name: string })[] };
  /** Of a ramp, 1/α in samples: 0 is the newest sample alone, null (infinite) the moving average. */
  readonly timeConstant?: number | null;
  readonly fit: Pick<Fit, 'stopped' | 'gradientNorm' | 'moved' | 'trajectory'> & { readonly steps: number };
  readonly backend: Pick<Backend, 'name' | 'native' | 'version'>;
  /** One plain sentence. */
  readonly verdict: string;
  readonly warnings: readonly string[];
  /** Of the one file; of several, of their hexadecimal digests joined by line feeds. */
  readonly dataSha256: string;
  readonly seconds: number;
}

interface Windows {
  readonly used: number;
  readonly leftOut: number;
}

/** A held-out part with fewer windows than this says nothing. */
const fewestHeldOut = 100;

/**
 * Trains one kernel for all channels of the recordings. The same recordings, options and backend give the same kernel.
 *
 * @throws FirtrendError `family`, `loss`, `taps`, `target`, `noRecording`, `channelMismatch`, `rateMismatch`, those of
 *   {@link splitWindows}, `nothingToLearn`, `tensorflowMissing`; the reason of `signal` where it aborts
 */
export async function trainKernel(
  recordings: readonly Recording[],
  options: TrainOptions = {},
  { onProgress, signal, gradient, backend: load = loadBackend }: TrainHooks = {},
): Promise<TrainResult> {
  const started = performance.now();
  const { target: targetText = 'smooth:32', holdout = 0.2, seed = 1 } = options;
  const family = oneOf('family', options.family ?? 'boxcars', families);
  const lossName = oneOf('loss', options.loss ?? 'mse', ['mse'] as const);
  const { rate, channels, recordings: data } = aligned(recordings);
  const target = parseTarget(targetText, rate);
  const taps = checkedTaps(options.taps ?? defaultTaps(target));

  const split = splitWindows(data, target, taps, holdout);
  const trainLoss = trainingLoss(split.train, taps);
  const heldOutReason = whyNotHeldOut(split, holdout, trainLoss);
  const heldOutLoss = heldOutReason === undefined ? lossOver(split.heldOut, trainLoss) : null;

  const backend = await load();
  const fitted = await fitKernel(backend, family, trainLoss, {
    ...(onProgress && { onProgress }),
    ...(signal && { signal }),
    ...(gradient && { gradient }),
  });
  const { taps: best, timeConstant } = polish(family, fitted.taps, trainLoss);

  const stored = storedTaps(best);
  const served = normalised(stored);
  const proof = certificate(family, stored, trainLoss);
  const { train, heldOut, tuned } = baselines(served, split, trainLoss, heldOutLoss);
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
    kernels: [{ channel: null, taps: stored, bias: 0, certificate: proof }],
    guarantees: guarantees({ taps: Float64Array.from(stored), bias: 0 }),
    loss: { train, heldOut, ...(heldOutReason !== undefined && { heldOutReason }) },
    tuned,
    certificate: proof,
    windows: {
      used: windows.reduce((total, { used }) => total + used, 0),
      leftOut: windows.reduce((total, { leftOut }) => total + leftOut, 0),
      channels: windows,
    },
    ...(timeConstant !== undefined && {
      timeConstant: Number.isFinite(timeConstant) ? timeConstant : null,
    }),
    fit: {
      stopped: fitted.stopped,
      gradientNorm: fitted.gradientNorm,
      moved: fitted.moved,
      trajectory: fitted.trajectory,
      steps: fitted.trajectory.length - 1,
    },
    backend: { name: backend.name, native: backend.native, version: backend.version },
    verdict: verdict({ train, heldOut, target }),
    warnings: [
      ...backend.warnings,
      ...data.flatMap(spacingWarnings),
      ...windows.flatMap(fewWindows),
      ...leftOutChannels(channels, trainLoss),
      ...(heldOutReason === undefined || holdout === 0
        ? []
        : [`no losses on held-out data: ${heldOutReason}`]),
    ],
    dataSha256: dataSha256(recordings),
    seconds: (performance.now() - started) / 1000,
  };
}

function defaultTaps(target: Target): number {
  return target.kind === 'smooth' ? Math.ceil(2 * target.period) + 1 : 65;
}

function checkedTaps(taps: number): number {
  if (Number.isInteger(taps) && taps >= 1 && taps <= maxTaps) return taps;
  throw new FirtrendError('taps', `taps: expected a whole number from 1 to ${maxTaps}, got ${taps}`);
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

function whyNotHeldOut(split: Split, holdout: number, { divisors }: QuadraticLoss): string | undefined {
  if (holdout === 0) return 'nothing was held out';
  const windows = mostWindows(split.heldOut.filter((_, c) => divisors[c] !== null));
  if (windows >= fewestHeldOut) return undefined;
  return `the held-out part has ${windows} windows with a target, fewer than ${fewestHeldOut}`;
}

function fewWindows({ name, used, leftOut }: Windows & { readonly name: string }): string[] {
  if (leftOut <= used) return [];
  return [
    `channel "${name}": ${leftOut} of ${used + leftOut} windows were left out for missing samples; ` +
      '--fill N interpolates holes of up to N samples',
  ];
}

function leftOutChannels(channels: readonly string[], { divisors }: QuadraticLoss): string[] {
  return channels.flatMap((name, c) =>
    divisors[c] === null
      ? [
          `channel "${name}" was left out of the loss: its newest sample always is the target, or it has no window`,
        ]
      : [],
  );
}

function dataSha256(recordings: readonly Recording[]): string {
  const digests = recordings.map(({ sha256 }) => sha256);
  return digests.length === 1 ? digests[0]! : createHash('sha256').update(digests.join('\n')).digest('hex');
}
