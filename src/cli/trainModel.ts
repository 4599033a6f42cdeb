import { dirname, join } from 'node:path';
import { FirtrendError } from '../dsp/error.ts';
import type { FitProgress } from '../train/fitKernel.ts';
import type { AnyRecording } from '../train/recording.ts';
import type { trainReport } from '../train/report/report.ts';
import type { TrainOptions, TrainResult } from '../train/train.ts';
import { interruptible } from './interruptible.ts';
import { note } from './output.ts';
import { progressBar } from './progress.ts';
import { digits } from './text.ts';
import { version } from './version.ts';

export interface TrainedModel {
  readonly model: { readonly name: string; readonly version: number; readonly path: string };
  readonly result: TrainResult;
  /** Where `report.html` is; null where echarts is not installed. */
  readonly report: string | null;
}

/**
 * Trains with a progress bar and stores the kernel as the next version of a model. Ctrl-C stores nothing.
 *
 * @throws FirtrendError those of `trainKernel` and `publish`
 */
export async function trainModel(
  recordings: readonly AnyRecording[],
  options: {
    readonly models: string;
    readonly name: string;
    readonly training?: TrainOptions;
    /** Put the new version in force; otherwise only the first one is. */
    readonly activate?: boolean;
  },
): Promise<TrainedModel> {
  const [{ trainKernel }, { encodeModel }, { publish }, { trendModel }] = await Promise.all([
    import('../train/train.ts'),
    import('../model/encodeModel.ts'),
    import('../model/repository.ts'),
    import('../model/trendModel.ts'),
  ]);
  const result = await interruptible((signal) =>
    withBar((onProgress) => trainKernel(recordings, options.training, { onProgress, signal })),
  );
  for (const warning of result.warnings) note(`warning: ${warning}`);
  const { family, rate, loss, certificate, target, lossName, dataSha256, seed, timeConstant } = result;
  const origin = { tool: `firtrend ${version}`, time: new Date().toISOString() };
  const model = trendModel({
    kernels: result.kernels.map(({ taps, bias }) => ({ taps: Float64Array.from(taps), bias })),
    channels: result.kernels[0].channel === null ? null : result.channels,
    rate,
    metadata: {
      family,
      target,
      loss: lossName,
      losses: { train: loss.train, heldOut: loss.heldOut },
      certificate: { gap: certificate.gap, relative: certificate.relative },
      dataSha256,
      seed,
      ...origin,
      ...(typeof timeConstant === 'number' && { timeConstant }),
    },
  });
  const { models, name, activate = false } = options;
  const report = await reportOf(result, recordings, {
    title: name,
    origin,
    ...(options.training?.holdout !== undefined && { holdout: options.training.holdout }),
  });
  const stored = await publish(models, name, encodeModel(model), {
    activate,
    ...(report !== null && { report }),
  });
  return { model: stored, result, report: report && join(dirname(stored.path), 'report.html') };
}

/** Null, with a warning, where the package that draws it is not installed: the model is worth keeping without. */
async function reportOf(...of: Parameters<typeof trainReport>): Promise<string | null> {
  try {
    return await (await import('../train/report/report.ts')).trainReport(...of);
  } catch (error) {
    if (!(error instanceof FirtrendError && error.code === 'echartsMissing')) throw error;
    note(`warning: no report.html: ${error.message}`);
    return null;
  }
}

type OnProgress = (progress: FitProgress) => void;

/** The bar counts steps of the most there may be; it ends early when the kernel is close enough. */
async function withBar<T>(work: (onProgress: OnProgress) => Promise<T>): Promise<T> {
  let bar: ReturnType<typeof progressBar> | undefined;
  let began = 0;
  let first = 0;
  try {
    return await work(({ step, steps, loss, gap }) => {
      if (bar === undefined) {
        bar = progressBar('steps', steps);
        // The step that calls first is over: the next is the first that can be timed.
        began = performance.now();
        first = step;
      }
      const left = ((performance.now() - began) / 1000 / (step - first)) * (steps - step);
      bar.update(
        step,
        `loss ${digits(loss)}, at most ${gap === null ? 0 : digits(100 * gap, 2)} % above the best` +
          (Number.isFinite(left) ? `, at most ${digits(left, 2)} s left` : ''),
      );
    });
  } finally {
    bar?.stop();
  }
}
