import { defaultMinCoverage } from '../dsp/reference.ts';
import type { LoadedModel } from '../model/loadModel.ts';
import type { FilterBank } from './ingest/filterBank.ts';
import type { FilterChoice } from './ingest/step.ts';

/** Which kernel a stream gets when it begins. */
export interface ModelChoice {
  readonly fingerprint: string;
  readonly exact: boolean;
  choose(stream: string, channels: readonly string[], rate: number): FilterChoice;
}

/** A model trained with a rate serves streams within 1 % of it. */
const rateTolerance = 0.01;

/** How long the kernel is that stands in for a model, so that the device is known and proven also without one. */
const standInTaps = 65;

/** Loads the model into the filter and proves it. Without a model streams carry raw samples only, and say so. */
export async function modelChoice(model: LoadedModel | undefined, bank: FilterBank): Promise<ModelChoice> {
  const kernels = model?.kernels.map(({ taps, bias }) => ({ taps: Float32Array.from(taps), bias })) ?? [
    { taps: new Float32Array(standInTaps).fill(1 / standInTaps), bias: 0 },
  ];
  const sha256 = model?.sha256 ?? 'none';
  const minCoverage = defaultMinCoverage(kernels[0]!.taps.length);
  const { fingerprint, exact } = await bank.obtain({ kernels, sha256, minCoverage });
  return {
    fingerprint,
    exact,
    choose(_stream, channels, rate) {
      if (!model) return { reason: 'noModel: the daemon was started without --model' };
      const misfit = mismatch(model, channels, rate);
      if (misfit !== undefined) return { reason: misfit };
      const { name, version, path } = model;
      return { kernels, sha256, model: name ?? path, version: version ?? 0, minCoverage, fingerprint };
    },
  };
}

/** Why a model does not serve streams like this one, undefined where it does. */
function mismatch(model: LoadedModel, channels: readonly string[], rate: number): string | undefined {
  if (model.rate !== null && Math.abs(rate - model.rate) > rateTolerance * model.rate) {
    return `rateMismatch: expected ${model.rate} Hz to within 1 %, as the model was trained, got ${rate} Hz`;
  }
  const { channels: named } = model;
  if (named && (named.length !== channels.length || named.some((name, c) => name !== channels[c]))) {
    return `channelMismatch: expected ${named.join(', ')}, as the model was trained, got ${channels.join(', ')}`;
  }
  return undefined;
}
