import { setImmediate } from 'node:timers/promises';

/**
 * Calls `send(i)` for i = 0 … count - 1, `perSecond` of them a second, each as near to its time as the event loop lets
 * it: it never sleeps, so it takes a processor of its own.
 */
export async function paced(count: number, perSecond: number, send: (i: number) => void): Promise<void> {
  const began = performance.now();
  for (let i = 0; i < count; ) {
    const due = Math.min(count, Math.floor(((performance.now() - began) / 1000) * perSecond));
    for (; i < due; i++) send(i);
    await setImmediate();
  }
}
