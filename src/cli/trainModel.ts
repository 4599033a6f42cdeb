import type { FitProgress } from '../train/fitKernel.ts';
import type { Recording } from '../train/recording.ts';
import type { TrainOptions, TrainResult } from '../train/train.ts';
import { note } from './output.ts';
import { progressBar } from './progress.ts';
import { digits } from './text.ts';
import { version } from './version.ts';

export interface TrainedModel {
  readonly model: { readonly name: string; readonly version: number; readonly path: string };
  readonly result: TrainResult;
}

/**
 * Trains with a progress bar and stores the kernel as the next version of a model. Ctrl-C stores nothing.
 *
 * @throws FirtrendError those of `trainKernel` and `publish`
 */
export async function trainModel(
  recordings: readonly Recording[],
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
  const result = await withBar((onProgress) => trainKernel(recordings, options.training, { onProgress }));
  for (const warning of result.warnings) note(`warning: ${warning}`);
  const { family, rate, loss, certificate, target, lossName, dataSha256, seed, timeConstant } = result;
  const model = trendModel({
    kernels: result.kernels.map(({ taps, bias }) => ({ taps: Float64Array.from(taps), bias })),
    rate,
    metadata: {
      family,
      target,
      loss: lossName,
      losses: { train: loss.train, heldOut: loss.heldOut },
      certificate: { gap: certificate.gap, relative: certificate.relative },
      dataSha256,
      seed,
      tool: `firtrend ${version}`,
      time: new Date().toISOString(),
      ...(typeof timeConstant === 'number' && { timeConstant }),
    },
  });
  const { models, name, activate = false } = options;
  return { model: await publish(models, name, encodeModel(model), { activate }), result };
}

type OnProgress = (progress: FitProgress) => void;

/** The bar counts steps of the most there may be; it ends early when the kernel is close enough. */
async function withBar<T>(work: (onProgress: OnProgress) => Promise<T>): Promise<T> {
  let bar: ReturnType<typeof progressBar> | undefined;
  try {
    return await work(({ step, steps, loss, gap }) => {
      bar ??= progressBar('steps', steps);
      bar.update(
        step,
        `loss ${digits(loss)}, at most ${gap === null ? 0 : digits(100 * gap, 2)} % above the best`,
      );
    });
  } finally {
    bar?.stop();
  }
}
