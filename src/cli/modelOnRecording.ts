import { FirtrendError } from '../dsp/error.ts';
import type { TrendFilter } from '../filter/trendFilter.ts';
import type { LoadedModel } from '../model/loadModel.ts';
import type { Recording } from '../train/recording.ts';
import { note } from './output.ts';
import { type RecordingFlags, readFlagged } from './recordingFlags.ts';

/**
 * A model, loaded into the engine, and a recording that it can filter: what `apply` and `verify` begin with. It is the
 * user's own file; what the kernel lacks is told, and so is another rate.
 *
 * @throws FirtrendError `channelMismatch`, those of `loadModel` and of `readRecording`
 */
export async function modelOnRecording(
  ref: string,
  file: string,
  flags: RecordingFlags & { readonly models: string },
): Promise<{ model: LoadedModel; recording: Recording; filter: TrendFilter }> {
  const [{ loadModel }, { createTrendFilter }] = await Promise.all([
    import('../model/loadModel.ts'),
    import('../filter/trendFilter.ts'),
  ]);
  const model = await loadModel(ref, { models: flags.models, allow: { unordered: true, bias: true } });
  for (const lost of model.guarantees.lost) note(`not guaranteed: ${lost}`);
  const recording = await readFlagged(file, flags);
  if (model.channels && model.channels.join() !== recording.channels.join()) {
    const text = `columns: expected ${model.channels.join(', ')}, as the model was trained, got ${recording.channels.join(', ')}`;
    throw new FirtrendError('channelMismatch', text);
  }
  if (model.rate !== null && Math.abs(recording.rate - model.rate) > 0.01 * model.rate) {
    note(`warning: the model was trained at ${model.rate} Hz, the recording has ${recording.rate} Hz`);
  }
  const kernels = model.kernels.map(({ taps, bias }) => ({ taps: Float32Array.from(taps), bias }));
  const filter = await createTrendFilter(kernels, { device: { provider: 'cpu' } });
  if (!filter.exact)
    note('warning: on this machine no plan of execution proved exact: bits may depend on the cut');
  return { model, recording, filter };
}
