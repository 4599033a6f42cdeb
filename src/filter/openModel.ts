import type { Allowed } from '../model/gate.ts';
import { type LoadedModel, loadModel } from '../model/loadModel.ts';
import { chooseDevice, type Device, type DeviceRequest } from './device.ts';
import { createTrendFilter, type TrendFilter } from './trendFilter.ts';

export interface OpenModelOptions {
  /** The model repository, for a `ref` that is a name; `models` in the working directory. */
  readonly models?: string;
  /** Which guarantees the model may lack; none by default. */
  readonly allow?: Allowed;
  /** Where it runs; `cpu`. */
  readonly device?: DeviceRequest;
  /** 2^-20 … 1, below which a trend is missing; 1/(2K) where not given. */
  readonly minCoverage?: number;
}

/** A model ready to filter any number of streams. It holds native memory until `release`. */
export interface OpenModel extends TrendFilter {
  readonly model: LoadedModel;
  readonly device: Device;
}

/**
 * Opens a model for `trend`: through the gate, into the runtime, and proven there, as the daemon does it.
 *
 * @param ref a file, `NAME` (the version in force) or `NAME@VERSION`
 * @throws FirtrendError those of `loadModel` (`modelNotFound`, `modelRefused` …), `deviceUnavailable`, `minCoverage`,
 *   `filterProof` where the device computes wrong values
 */
export async function openModel(ref: string, options: OpenModelOptions = {}): Promise<OpenModel> {
  const { models = 'models', allow, minCoverage } = options;
  const device = await chooseDevice(options.device ?? 'cpu');
  const model = await loadModel(ref, { models, allow });
  const kernels = model.kernels.map(({ taps, bias }) => ({ taps: Float32Array.from(taps), bias }));
  const filter = await createTrendFilter(kernels, {
    device,
    ...(minCoverage !== undefined && { minCoverage }),
  });
  return Object.assign(filter, { model, device });
}
