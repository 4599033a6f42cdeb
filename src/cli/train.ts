import { Command, InvalidArgumentError, Option } from 'commander';
import { families } from '../dsp/families.ts';
import { maxTaps } from '../dsp/kernel.ts';
import { modelNamePattern } from '../model/repository.ts';
import { parseTarget } from '../train/targets.ts';
import { examples, modelsOption, parsedBy, wholeNumber } from './options.ts';
import { note, print, printJson } from './output.ts';
import { type RecordingFlags, readFlagged, withRecordingFlags } from './recordingFlags.ts';
import { digits, guaranteesText } from './text.ts';
import { type TrainedModel, trainModel } from './trainModel.ts';

interface TrainFlags extends RecordingFlags {
  readonly taps?: number;
  readonly family: string;
  readonly target: string;
  readonly loss: string;
  readonly holdout: number;
  readonly seed: number;
  readonly name?: string;
  readonly models: string;
  readonly json?: boolean;
}

/** `firtrend train`: from recordings to a model in the repository, with its certificate. */
export function trainCommand(): Command {
  const command = new Command('train')
    .description('learn a trend kernel from recordings and store it as the next version of a model')
    .argument('<files...>', 'recordings (CSV) with the same channels')
    .option(
      '--taps <k>',
      'number of taps K (default: 2 P + 1 for smooth:P, else 65)',
      wholeNumber(1, maxTaps),
    )
    .addOption(new Option('--family <family>', 'kernel family').choices(families).default('boxcars'))
    .option(
      '--target <target>',
      'smooth:PERIOD or forecast:H, in samples, or in seconds with s',
      target,
      'smooth:32',
    )
    .addOption(new Option('--loss <loss>', 'what is minimised').choices(['mse']).default('mse'))
    .option(
      '--holdout <share>',
      'share of each recording, its end, to judge by; 0 trains on all',
      holdout,
      0.2,
    )
    .option('--name <name>', 'name of the model (default: that of the first file)', modelName)
    .addOption(modelsOption())
    .option('--seed <n>', 'seed of whatever is random', wholeNumber(0, 2 ** 31), 1)
    .option('--json', 'print one JSON document, taps newest first');
  return withRecordingFlags(command)
    .addHelpText(
      'after',
      examples(
        'firtrend train recordings/gait-accelerometer.csv --name walk',
        'firtrend train data.csv --columns temp,power --rate 10 --target forecast:0.5s --family ramp --json',
      ),
    )
    .action(async (files: string[], flags: TrainFlags) => {
      const { taps, family, target, loss, holdout, seed, models } = flags;
      const recordings = [];
      for (const file of files) recordings.push(await readFlagged(file, flags));
      const trained = await trainModel(recordings, {
        models,
        name: flags.name ?? nameOf(files[0]!),
        training: { ...(taps !== undefined && { taps }), family, target, loss, holdout, seed },
      });
      if (flags.json) printJson(asJson(trained));
      else show(trained);
    });
}

function target(text: string): string {
  // The rate is not known yet; so fine a one rounds nothing to 0 samples.
  parsedBy((value) => parseTarget(value, 1e9))(text);
  return text;
}

function holdout(text: string): number {
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

function show({ model, result }: TrainedModel): void {
  const { loss, certificate, guarantees, rate, windows, timeConstant, fit } = result;
  print(`${model.name}@${model.version}: ${model.path}`);
  print(guaranteesText(guarantees, rate));
  if (timeConstant !== undefined) {
    print(
      `time constant ${timeConstant === null ? 'infinite (the moving average)' : `${digits(timeConstant)} samples`}`,
    );
  }
  print(`\nloss, 1 is the newest sample alone; ${windows.used} windows used, ${windows.leftOut} left out`);
  const rows = [
    ['learned kernel', 'learned'],
    ['best ramp', 'ramp'],
    ['best exponential average', 'ema'],
    ['best moving average', 'sma'],
    ['newest sample alone', 'newest'],
    ['best kernel of any shape', 'free'],
  ] as const;
  print(`${''.padEnd(26)}${'trained on'.padStart(12)}${'held out'.padStart(12)}`);
  for (const [label, key] of rows) {
    const heldOut = loss.heldOut ? digits(loss.heldOut[key]) : '';
    print(`${label.padEnd(26)}${digits(loss.train[key]).padStart(12)}${heldOut.padStart(12)}`);
  }
  const { gap, relative } = certificate;
  const share = relative === null ? 'the target is reached exactly' : `${digits(relative, 2)} of the loss`;
  print(`\ncertificate: no kernel of the class has a loss lower by more than ${digits(gap, 2)} (${share})`);
  print(
    `TensorFlow took ${fit.steps} steps from a loss of ${digits(fit.trajectory[0]!)} to ${digits(fit.trajectory.at(-1)!)}`,
  );
  print(result.verdict);
  note(`${digits(result.seconds)} s`);
}
