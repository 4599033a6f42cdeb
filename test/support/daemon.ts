import { onTestFinished } from 'vitest';
import { type Daemon, type ServeOptions, serve } from '../../src/daemon/serve.ts';
import { repositoryWith, sampleTaps } from './models.ts';

export const testTaps = sampleTaps(9);

/** A daemon in this process on a free port with the model `test@1`, closed when the test is over. */
export async function startDaemon(options: Partial<ServeOptions> = {}): Promise<Daemon> {
  const models = options.models ?? (await repositoryWith(testTaps));
  const daemon = await serve({
    host: '127.0.0.1',
    port: 0,
    models,
    model: 'test',
    device: 'cpu',
    version: '0.0.0-test',
    ...options,
  });
  onTestFinished(() => daemon.close());
  return daemon;
}
