import { Command } from 'commander';
import { FirtrendError } from '../dsp/error.ts';
import type { LoadedModel } from '../model/loadModel.ts';
import type { Evaluation } from '../train/evaluate.ts';
import type { StoredRecording } from '../train/recording.ts';
import { columnsFor } from '../train/references.ts';
import { createScratch, type Scratch } from '../train/scratch.ts';
import { parseTarget } from '../train/targets.ts';
import { certificateText, lossTable } from './lossTable.ts';
import { examples, modelsOption, wholeNumber } from './options.ts';
import { note, print, printJson } from './output.ts';
import { openFlagged, type RecordingFlags, withRecordingFlags } from './recordingFlags.ts';
import { holdout as holdoutShare, target as targetText } from './train.ts';

interface EvaluateFlags extends RecordingFlags {
  readonly models: string;
  readonly target?: string;
  readonly holdout: number;
  readonly fill: number;
  readonly json?: boolean;
}

/** `firtrend evaluate`: the losses and the certificate of an existing model on other recordings. */
export function evaluateCommand(): Command {
  const command = new Command('evaluate')
    .description(
      'judge an existing model on recordings: its losses beside baselines tuned on them, and its gap',
    )
    .argument('<model>', 'a file, NAME, or NAME@VERSION')
    .argument('<files...>', 'recordings (CSV, NDJSON, Parquet) with the same channels')
    .addOption(modelsOption())
    .option(
      '--target <target>',
      'smooth:PERIOD, forecast:H or column:… (default: what the model was trained for)',
      targetText,
    )
    .option(
      '--holdout <share>',
      'share of each recording, its end, that baselines are not tuned on',
      holdoutShare,
      0.2,
    )
    .option(
      '--fill <n>',
      'interpolate holes of up to n samples in the inputs, never in the targets',
      wholeNumber(0, 2 ** 31),
      0,
    )
    .option('--json', 'print one JSON document');
  return withRecordingFlags(command)
    .addHelpText(
      'after',
      examples(
        'firtrend evaluate gait recordings/gait-accelerometer.csv',
        'firtrend evaluate gait@1 monday.csv tuesday.parquet --target smooth:64 --json',
      ),
    )
    .action(async (ref: string, files: string[], flags: EvaluateFlags) => {
      const [{ loadModel }, { evaluate }] = await Promise.all([
        import('../model/loadModel.ts'),
        import('../train/evaluate.ts'),
      ]);
      // Judging is always allowed, as looking is.
      const model = await loadModel(ref, { models: flags.models, allow: { unordered: true, bias: true } });
      const target = flags.target ?? targetOf(model, ref);
      const scratch = createScratch();
      const recordings = [];
      for (const file of files) recordings.push(await readForModel(file, model, target, flags, scratch));
      const { holdout, fill } = flags;
      const { kernels, channels, metadata } = model;
      const found = evaluate(
        recordings,
        { kernels, channels, family: metadata.family },
        { target, holdout, fill },
      );
      for (const warning of found.warnings) note(`warning: ${warning}`);
      const { name, version, path } = model;
      if (flags.json) printJson({ model: { name, version, path }, ...found });
      else show(model, found);
    });
}

/** A recording with the model's channels, where it names them, in its order, and with the columns of the target. */
async function readForModel(
  file: string,
  model: LoadedModel,
  target: string,
  flags: RecordingFlags,
  scratch: Scratch,
): Promise<StoredRecording> {
  // The rate is not known yet, and no column depends on it.
  const columns = columnsFor(parseTarget(target, 1e9), flags.columns ?? model.channels ?? undefined);
  const recording = await openFlagged(file, { ...flags, ...(columns && { columns }) }, scratch);
  if (model.rate !== null && Math.abs(recording.rate - model.rate) > 0.01 * model.rate) {
    note(`warning: the model was trained at ${model.rate} Hz, ${file} has ${recording.rate} Hz`);
  }
  return recording;
}

function targetOf({ metadata }: LoadedModel, ref: string): string {
  if (metadata.target !== undefined) return metadata.target;
  throw new FirtrendError(
    'target',
    `model ${ref}: does not say what it was trained for; expected --target TARGET`,
  );
}

function show({ name, version, path }: LoadedModel, found: Evaluation): void {
  const { target, loss, windows, certificate } = found;
  print(`${name === null ? path : `${name}@${version}`} for ${target}`);
  print(`loss, 1 is the newest sample alone; ${windows.used} windows used, ${windows.leftOut} left out`);
  print(lossTable('this model', loss, found.tuned));
  print(`\n${certificateText(certificate)}`);
  print(found.verdict);
}
