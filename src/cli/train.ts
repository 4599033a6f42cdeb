import { Command, InvalidArgumentError, Option } from 'commander';
import { families } from '../dsp/families.ts';
import { maxTaps } from '../dsp/kernel.ts';
import { modelNamePattern } from '../model/repository.ts';
import { parseLoss } from '../train/losses/parseLoss.ts';
import { parseMaxLag } from '../train/maxLag.ts';
import type { StoredRecording } from '../train/recording.ts';
import { columnsFor } from '../train/references.ts';
import { createScratch } from '../train/scratch.ts';
import { parseTarget } from '../train/targets.ts';
import type { TrainOptions } from '../train/train.ts';
import { channelTable } from './channelTable.ts';
import { interruptible } from './interruptible.ts';
import { certificateText, constantText, lossLine, lossTable } from './lossTable.ts';
import { examples, modelsOption, numbers, parsedBy, positiveNumber, wholeNumber } from './options.ts';
import { note, print, printJson } from './output.ts';
import { openFlagged, type RecordingFlags, withRecordingFlags } from './recordingFlags.ts';
import { digits, guaranteesText } from './text.ts';
import { type TrainedModel, trainModel } from './trainModel.ts';

export interface TrainFlags extends RecordingFlags {
  readonly taps?: number;
  readonly family: string;
  readonly lengths?: number[];
  readonly learningRate?: number;
  readonly perChannel?: boolean;
  readonly bias?: boolean;
  readonly maxLag?: string;
  readonly target: string;
  readonly loss: string;
  readonly holdout: number;
  readonly fill: number;
  readonly seed: number;
  readonly name?: string;
  readonly models: string;
  readonly json?: boolean;
}

/** `firtrend train`: from recordings to a model in the repository, with its certificate. */
export function trainCommand(): Command {
  const command = new Command('train').description(
    'learn a trend kernel from recordings and store it as the next version of a model',
  );
  return withTrainFlags(command)
    .addHelpText(
      'after',
      examples(
        'firtrend train recordings/gait-accelerometer.csv --name walk',
        'firtrend train data.csv --columns temp,power --rate 10 --target forecast:0.5s --family ramp --json',
      ),
    )
    .action(async (files: string[], flags: TrainFlags) => {
      const recordings = await interruptible(() => readForTraining(files, flags));
      const trained = await trainModel(recordings, {
        models: flags.models,
        name: flags.name ?? nameOf(files[0]!),
        training: trainingOf(flags),
      });
      if (flags.json) printJson(asJson(trained));
      else show(trained);
      await tellInForce(flags.models, trained.model);
    });
}

/** A version that is not the first is not in force by itself: whoever trained it should know. */
async function tellInForce(models: string, { name, version }: TrainedModel['model']): Promise<void> {
  const { resolve } = await import('../model/repository.ts');
  const inForce = (await resolve(models, name)).version;
  if (inForce === version) return;
  note(`${name}@${inForce} stays in force; firtrend models promote ${name}@${version} puts this one there`);
}

/** Adds the files and the flags of training to a command. */
export function withTrainFlags(command: Command, files = '<files...>'): Command {
  command
    .argument(files, 'recordings (CSV, NDJSON, Parquet) with the same channels')
    .option(
      '--taps <k>',
      'number of taps K (default: 2 P + 1 for smooth:P, else 65)',
      wholeNumber(1, maxTaps),
    )
    .addOption(new Option('--family <family>', 'kernel family').choices(families).default('boxcars'))
    .option('--lengths <k,...>', 'numbers of taps to train at first, one after the other', numbers)
    .option('--learning-rate <r>', 'largest step (default: adapts itself)', positiveNumber)
    .option('--per-channel', 'a kernel for each channel instead of one for all')
    .option('--bias', 'a bias for each channel, in its unit, added outside the weighted mean')
    .option('--no-bias', 'none (default: quantile alone has one)')
    .option('--max-lag <d>', 'largest lag of a kernel, in samples, or in seconds with s', lagLimit)
    .option(
      '--target <target>',
      'smooth:PERIOD or forecast:H, in samples, or in seconds with s; column:NAME or column:A=REF_A,B=REF_B',
      target,
      'smooth:32',
    )
    .option('--loss <loss>', `what is minimised: ${lossesText}`, lossOption, 'mse')
    .option(
      '--holdout <share>',
      'share of each recording, its end, to judge by; 0 trains on all',
      holdout,
      0.2,
    )
    .option(
      '--fill <n>',
      'interpolate holes of up to n samples in the inputs, never in the targets',
      wholeNumber(0, 2 ** 31),
      0,
    )
    .option('--name <name>', 'name of the model (default: that of the first file)', modelName)
    .addOption(modelsOption())
    .option('--seed <n>', 'seed of whatever is random', wholeNumber(0, 2 ** 31), 1)
    .option('--json', 'print one JSON document, taps newest first');
  return withRecordingFlags(command);
}

/** They stay on disk where they are larger than memory, until the process ends. */
export async function readForTraining(
  files: readonly string[],
  flags: TrainFlags,
): Promise<StoredRecording[]> {
  const scratch = createScratch();
  const recordings = [];
  const columns = columnsFor(parseTarget(flags.target, 1e9), flags.columns);
  for (const file of files) {
    recordings.push(
      await openFlagged(file, { ...flags, ...(columns !== undefined && { columns }) }, scratch),
    );
  }
  return recordings;
}

export function trainingOf(flags: TrainFlags): TrainOptions {
  const {
    taps,
    lengths,
    learningRate,
    maxLag,
    family,
    perChannel = false,
    bias,
    target,
    loss,
    holdout,
    fill,
    seed,
  } = flags;
  return {
    ...(taps !== undefined && { taps }),
    ...(lengths !== undefined && { lengths }),
    ...(learningRate !== undefined && { learningRate }),
    ...(maxLag !== undefined && { maxLag }),
    family,
    ...(bias !== undefined && { bias }),
    perChannel,
    target,
    loss,
    holdout,
    fill,
    seed,
  };
}

export function target(text: string): string {
  // The rate is not known yet; so fine a one rounds nothing to 0 samples.
  parsedBy((value) => parseTarget(value, 1e9))(text);
  return text;
}

export const lossesText = 'mse, huber:D (D in root mean square errors of the newest sample), quantile:q';

export function lossOption(text: string): string {
  parsedBy(parseLoss)(text);
  return text;
}

function lagLimit(text: string): string {
  parsedBy((value) => parseMaxLag(value, 1))(text);
  return text;
}

export function holdout(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value < 1) return value;
  throw new InvalidArgumentError('Expected a share from 0 to below 1.');
}

function modelName(text: string): string {
  if (modelNamePattern.test(text)) return text;
  throw new InvalidArgumentError('Expected up to 64 of A-Z a-z 0-9 . _ - beginning with a letter or digit.');
}

/** The file's name without folders and ending, as far as a model may be called so. */
function nameOf(file: string): string {
  const name = file
    .replace(/^.*[/\\]/, '')
    .replace(/\.[^.]*$/, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .slice(0, 64);
  return modelNamePattern.test(name) ? name : 'model';
}

/** What scripts rely on (docs/design §9): taps newest first. */
function asJson({ model, result }: TrainedModel): object {
  const { kernels, guarantees, loss, certificate, windows, seconds } = result;
  return {
    model,
    kernels: kernels.map((kernel) => ({ ...kernel, taps: [...kernel.taps] })),
    guarantees,
    loss,
    channelLosses: result.channelLosses,
    tuned: result.tuned,
    lossName: result.lossName,
    covered: result.covered,
    certificate,
    windows: { used: windows.used, leftOut: windows.leftOut },
    family: result.family,
    target: result.target,
    rate: result.rate,
    channels: result.channels,
    ...(result.timeConstant !== undefined && { timeConstant: result.timeConstant }),
    fit: { ...result.fit, trajectory: undefined },
    backend: result.backend,
    verdict: result.verdict,
    warnings: result.warnings,
    dataSha256: result.dataSha256,
    seconds,
  };
}

function show({ model, report, result }: TrainedModel): void {
  const { loss, certificate, guarantees, rate, timeConstant, fit } = result;
  print(`${model.name}@${model.version}: ${model.path}`);
  if (report !== null) print(`report: ${report}`);
  print(guaranteesText(guarantees, rate));
  if (timeConstant !== undefined) print(`time constant ${constantText(timeConstant)}`);
  print(`\n${lossLine(result)}`);
  print(lossTable('learned kernel', loss, result.tuned));
  if (result.channels.length > 1 || result.kernels[0].channel !== null) print(`\n${channelTable(result)}`);
  print(`\n${certificateText(certificate)}`);
  print(
    `TensorFlow took ${fit.steps} steps from a loss of ${digits(fit.trajectory[0]!)} to ${digits(fit.trajectory.at(-1)!)}`,
  );
  print(result.verdict);
  note(`${digits(result.seconds)} s`);
}
