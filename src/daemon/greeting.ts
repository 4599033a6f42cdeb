import type { Device } from '../filter/device.ts';
import type { SampleLog } from '../log/sampleLog.ts';
import { limits, protocol } from '../wire/limits.ts';
import type { Hello, Welcome } from '../wire/serverMessages.ts';
import type { ModelChoice } from './modelChoice.ts';

/** What every connection is told first: how to stay alive, and what it has reached. */
export interface Greeting {
  readonly hello: Hello;
  readonly welcome: Omit<Welcome, 'id'>;
}

export function greeting(parts: {
  readonly ping: Hello['ping'];
  readonly version: string;
  readonly log: SampleLog;
  readonly device: Device;
  readonly choice: ModelChoice;
}): Greeting {
  const { ping, version, log, device, choice } = parts;
  const { message, control, rows, channels } = limits;
  return {
    hello: { type: 'hello', protocol, ping, authRequired: false, limits: { message, control } },
    welcome: {
      type: 'welcome',
      principal: null,
      scopes: ['*'],
      expires: null,
      server: { name: 'firtrend', version },
      durability: log.durability,
      device: { ...device, exact: choice.exact },
      fingerprint: choice.fingerprint,
      limits: { message, control, rows, channels },
    },
  };
}
