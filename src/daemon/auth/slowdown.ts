import { isIPv6 } from 'node:net';
import { setTimeout } from 'node:timers/promises';

/** The answer to the first failure waits so long (ms); each further one twice as long as the one before. */
const firstWait = 100;
const longestWait = 10_000;
/** A failure counts half after so long (ms). */
const halfLife = 60_000;
/** Addresses that are remembered; beyond it the ones that failed longest ago are forgotten. */
const addressesHeld = 4096;

/**
 * Makes whoever guesses tokens wait for the answer, by address. A token that is right never waits, so that a guesser
 * cannot shut out those who share its address.
 */
export interface Slowdown {
  /** Resolves when a login from here that has failed may be told so. */
  failed(address: string): Promise<void>;
}

export function slowdown(): Slowdown {
  const addresses = new Map<string, { failures: number; at: number }>();
  return {
    async failed(address) {
      const key = network(address);
      const now = performance.now();
      const before = addresses.get(key) ?? { failures: 0, at: now };
      const failures = before.failures * 0.5 ** ((now - before.at) / halfLife) + 1;
      // Deleted first, so that it becomes the last one.
      addresses.delete(key);
      addresses.set(key, { failures, at: now });
      if (addresses.size > addressesHeld) addresses.delete(addresses.keys().next().value!);
      await setTimeout(Math.min(longestWait, firstWait * 2 ** (failures - 1)), undefined, { ref: false });
    },
  };
}

/** Of IPv6 the /64, which is what one customer has. */
function network(address: string): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  if (tail !== undefined)
    groups.push(...new Array<string>(8 - groups.length - after.length).fill('0'), ...after);
  return groups.slice(0, 4).join(':');
}
