import type { LoadedModel } from '../../model/loadModel.ts';

/** A model trained with a rate serves streams within 1 % of it. */
const rateTolerance = 0.01;

/** In what a stream may differ from those its model was trained for. */
export interface MayDiffer {
  readonly rate: boolean;
  readonly channels: boolean;
}

/**
 * Why a model does not serve streams like this one, undefined where it does. Where kernels or biases are each for a
 * channel of its own, only names may differ, not how many there are.
 */
export function misfit(
  model: Pick<LoadedModel, 'kernels' | 'channels' | 'rate'>,
  { channels, rate }: { readonly channels: readonly string[]; readonly rate: number },
  may: MayDiffer,
): string | undefined {
  const { channels: named, kernels } = model;
  if (!may.rate && model.rate !== null && Math.abs(rate - model.rate) > rateTolerance * model.rate) {
    return `rateMismatch: expected ${model.rate} Hz to within 1 %, as the model was trained, got ${rate} Hz`;
  }
  if (kernels.length > 1 && kernels.length !== channels.length) {
    return `channelMismatch: expected ${kernels.length} channels, as the model was trained, got ${channels.length}`;
  }
  if (may.channels || !named) return undefined;
  if (named.length === channels.length && named.every((name, c) => name === channels[c])) return undefined;
  return `channelMismatch: expected ${named.join(', ')}, as the model was trained, got ${channels.join(', ')}`;
}
