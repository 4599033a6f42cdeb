import { guarantees } from '../../dsp/guarantees.ts';
import { frequencyResponse, stepResponse } from '../../dsp/response.ts';
import type { LoadedModel } from '../../model/loadModel.ts';

/** Frequencies told, from 0 to half the sample rate. */
const points = 129;

/** What makes the trends of a stream: taps, what follows from them, and what the model's file says of its training. */
export function kernelCard(model: LoadedModel, rate: number): object {
  const { name, version, channels, metadata, sha256 } = model;
  return {
    model: name ?? model.path,
    version,
    rate,
    trainedRate: model.rate,
    sha256,
    guarantees: model.guarantees,
    metadata,
    kernels: model.kernels.map((kernel, c) => ({
      channel: model.kernels.length === 1 ? null : (channels?.[c] ?? null),
      taps: [...kernel.taps],
      bias: kernel.bias,
      guarantees: guarantees(kernel),
      step: [...stepResponse(kernel.taps)],
      frequency: Array.from({ length: points }, (_, i) => {
        const { frequency, magnitude, groupDelay } = frequencyResponse(kernel.taps, i / (points - 1) / 2);
        return { hertz: frequency * rate, magnitude, groupDelay };
      }),
    })),
  };
}
