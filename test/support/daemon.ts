import { onTestFinished } from 'vitest';
import { effectiveConfig } from '../../src/daemon/config/layers.ts';
import type { Config } from '../../src/daemon/config/schema.ts';
import type { Authenticate } from '../../src/daemon/principal.ts';
import { type Daemon, type ServeOptions, serve } from '../../src/daemon/serve.ts';
import type { SampleLog } from '../../src/log/sampleLog.ts';
import { repositoryWith, sampleTaps } from './models.ts';

export const testTaps = sampleTaps(9);

/** Keys of the configuration, those within objects one by one, and what only tests pass in. */
export type DaemonOptions = Partial<Omit<Config, 'limits' | 'log'>> & {
  readonly limits?: Partial<Config['limits']>;
  readonly log?: SampleLog;
  readonly retentionBytes?: number;
  readonly authenticate?: Authenticate;
  readonly readConfig?: ServeOptions['readConfig'];
};

/** The defaults with these keys in place of theirs. */
export async function testConfig(options: Omit<DaemonOptions, 'log'> = {}): Promise<Config> {
  const { config } = await effectiveConfig({ environment: {}, flags: [] });
  const { limits, retentionBytes, authenticate, readConfig, ...keys } = options;
  return {
    ...config,
    port: 0,
    log: 'memory',
    // Clients that linger at the end of a test are not waited for.
    drainTimeout: 0,
    logLevel: 'silent',
    ...keys,
    limits: { ...config.limits, ...limits },
    ...(retentionBytes !== undefined && { retention: { ...config.retention, bytes: retentionBytes } }),
  };
}

/** A daemon in this process on a free port with the model `test@1`, closed when the test is over. */
export async function startDaemon({ log, ...options }: DaemonOptions = {}): Promise<Daemon> {
  const models = options.models ?? (await repositoryWith(testTaps));
  const { authenticate } = options;
  const daemon = await serve({
    config: await testConfig({ model: 'test', ...options, models }),
    log,
    readConfig: options.readConfig,
    auth: authenticate && {
      required: true,
      from: () => authenticate,
      reload: async () => false,
      stands: () => true,
    },
    version: '0.0.0-test',
  });
  onTestFinished(() => daemon.close());
  return daemon;
}
