import { FirtrendError } from '../dsp/error.ts';
import { probeCuda } from './cudaProbe.ts';
import type { Provider } from './onnxruntime.ts';

export type DeviceRequest = 'cpu' | 'cuda' | 'auto';

/** Where the filter runs. */
export interface Device {
  readonly provider: Provider;
  /** Why `auto` fell back to the CPU: one sentence. */
  readonly reason?: string;
}

/**
 * Decides where the filter runs. `cpu` asks nothing; `cuda` and `auto` try CUDA in a child process first.
 *
 * @param probe undefined where CUDA works, else a sentence that says why not
 * @throws FirtrendError `deviceUnavailable` with that sentence where `cuda` was asked for; `auto` falls back instead
 */
export async function chooseDevice(
  request: DeviceRequest,
  probe: () => Promise<string | undefined> = probeCuda,
): Promise<Device> {
  if (request === 'cpu') return { provider: 'cpu' };
  const reason = await probe();
  if (reason === undefined) return { provider: 'cuda' };
  if (request === 'auto') return { provider: 'cpu', reason };
  throw new FirtrendError('deviceUnavailable', `device cuda: ${reason}`);
}
