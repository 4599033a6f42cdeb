import type { Device } from '../filter/device.ts';
import { type SampleLog, syncWithin } from '../log/sampleLog.ts';
import { protocol } from '../wire/limits.ts';
import type { Hello, Welcome } from '../wire/serverMessages.ts';
import type { Limits } from './limits.ts';
import type { ServedModels } from './models/servedModels.ts';

/** What was acknowledged in the last so many ms a loss of power may take; null: all there is. */
const lossWindow = { memory: null, normal: syncWithin, full: 0 } as const;

/** What every connection is told first: how to stay alive, and what it has reached. */
export interface Greeting {
  readonly hello: Hello;
  /** As it is now: models come and go. */
  readonly welcome: () => Omit<Welcome, 'id' | 'principal' | 'scopes' | 'expires'>;
}

export function greeting(parts: {
  readonly ping: Hello['ping'];
  readonly authRequired: boolean;
  readonly limits: Limits;
  readonly version: string;
  readonly log: SampleLog;
  readonly device: Device;
  readonly served: Pick<ServedModels, 'exact' | 'fingerprint'>;
}): Greeting {
  const { ping, authRequired, version, log, device, served } = parts;
  const { messageBytes: message, controlBytes: control, rows, channels } = parts.limits;
  return {
    hello: { type: 'hello', protocol, ping, authRequired, limits: { message, control } },
    welcome: () => ({
      type: 'welcome',
      server: { name: 'firtrend', version },
      durability: log.durability,
      lossWindow: lossWindow[log.durability],
      device: { ...device, exact: served.exact },
      fingerprint: served.fingerprint,
      limits: { message, control, rows, channels },
    }),
  };
}
