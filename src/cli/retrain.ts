import { Command, Option } from 'commander';
import { FirtrendError } from '../dsp/error.ts';
import type { LoadedModel } from '../model/loadModel.ts';
import type { JudgedModel } from '../train/evaluate.ts';
import { parseLoss } from '../train/losses/parseLoss.ts';
import { interruptible } from './interruptible.ts';
import { logFolderOption } from './logOption.ts';
import { withLogRecordings } from './logRecordings.ts';
import { examples, names, positiveNumber } from './options.ts';
import { note, print, printJson } from './output.ts';
import { readForTraining, type TrainFlags, trainingOf, withTrainFlags } from './train.ts';
import { trainModel } from './trainModel.ts';

interface RetrainFlags extends TrainFlags {
  readonly fromLog?: string[];
  readonly log: string;
  readonly last?: number;
}

/** `npm run retrain`: a candidate from recordings, in force only if it is better than what is. */
export function retrainCommand(): Command {
  const command = new Command('retrain').description(
    'train a candidate, compare it with the model in force on the held-out data, and promote it only if it is better; ' +
      'exit code 0 whether promoted or not, 1 for failure, 2 for misuse',
  );
  return withTrainFlags(command, '[files...]')
    .addOption(
      new Option(
        '--from-log <streams>',
        'train on what a daemon has kept of these streams, joined by commas, in place of files; it may be running',
      ).argParser(names),
    )
    .addOption(logFolderOption())
    .option('--last <seconds>', 'only the newest part of each stream of the log', positiveNumber)
    .addHelpText(
      'after',
      examples(
        'npm run retrain -- recordings/gait-accelerometer.csv --name gait',
        'npm run --silent retrain -- monday.csv tuesday.csv --name pump --target smooth:64 --json',
        'npm run retrain -- --from-log site/pump --last 86400 --name pump',
      ),
    )
    .action(async (files: string[], flags: RetrainFlags) => {
      const { fromLog: streams = [], log: folder, last } = flags;
      if (files.length > 0 === streams.length > 0) {
        throw new FirtrendError('usage', 'expected recordings, or --from-log STREAMS in place of them');
      }
      if (flags.name === undefined) {
        throw new FirtrendError('usage', 'expected --name NAME, the model to retrain');
      }
      if (flags.holdout === 0) {
        throw new FirtrendError('usage', 'holdout: expected a share above 0, to compare on, got 0');
      }
      if (files.length > 0) await retrain(files, flags);
      else await withLogRecordings({ streams, folder, last }, (exported) => retrain(exported, flags));
    });
}

/** A candidate from these recordings, in force only if it is better. */
async function retrain(files: readonly string[], flags: RetrainFlags): Promise<void> {
  const { models } = flags;
  const name = flags.name!;
  const inForce = await modelInForce(models, name);
  const recordings = await interruptible(() => readForTraining(files, flags));
  const { compare } = await import('../train/compare.ts');
  const { target, loss, holdout, fill } = flags;
  const against = (candidate: JudgedModel, other: JudgedModel) =>
    compare(recordings, candidate, other, { target, loss, holdout, fill });
  // What cannot be compared is said before anything is trained.
  if (inForce !== null) against(inForce, inForce);
  if (inForce !== null) {
    const { metadata, version } = inForce;
    const asked = { target, loss: parseLoss(loss).name };
    for (const of of ['target', 'loss'] as const) {
      if (metadata[of] === undefined || metadata[of] === asked[of]) continue;
      note(`${name}@${version} was trained for ${metadata[of]}; both are judged by ${asked[of]}`);
    }
  }

  const { model, result } = await trainModel(recordings, { models, name, training: trainingOf(flags) });
  const kernels = result.kernels.map(({ taps, bias }) => ({ taps: Float64Array.from(taps), bias }));
  const comparison = inForce === null ? null : against({ kernels }, inForce);
  const promoted = comparison?.better ?? true;
  if (promoted) {
    const { promote } = await import('../model/repository.ts');
    await promote(models, name, model.version);
  }
  const reason = comparison?.reason ?? `there was no model ${name} in force.`;
  const previous = inForce && { name, version: inForce.version, path: inForce.path };
  if (flags.json) printJson({ model, promoted, reason, inForce: previous, comparison });
  else show({ name, version: model.version, previous: previous?.version, promoted, reason });
}

/** Null where there is none yet. */
async function modelInForce(models: string, name: string): Promise<LoadedModel | null> {
  const [{ list }, { loadModel }] = await Promise.all([
    import('../model/repository.ts'),
    import('../model/loadModel.ts'),
  ]);
  if (!(await list(models)).some((model) => model.name === name)) return null;
  // An operator may have allowed it to be served; judging it is always allowed.
  return loadModel(name, { models, allow: { unordered: true, bias: true } });
}

function show(outcome: {
  readonly name: string;
  readonly version: number;
  readonly previous: number | null | undefined;
  readonly promoted: boolean;
  readonly reason: string;
}): void {
  const { name, version, previous, promoted, reason } = outcome;
  print(
    promoted
      ? `promoted: ${name}@${version} is in force${previous ? `, in place of ${name}@${previous}` : ''}`
      : `not promoted: ${name}@${previous} stays in force; the candidate is kept as ${name}@${version}`,
  );
  print(reason);
}
