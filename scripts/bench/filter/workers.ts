/**
 * Whether a worker thread would help: how long a call keeps the daemon's own thread, and how long its trends take,
 * with the engine on that thread and in a worker that planes and trends are handed to.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { createTrendFilter } from '../../../src/filter/trendFilter.ts';
import { sampleTaps } from '../../../test/support/models.ts';
import { medians, table } from '../measure.ts';
import { device, streaming } from './ours.ts';
import { planesOf } from './signals.ts';
import type { Limits } from './speed.ts';

export async function benchWorker({ rounds, budget, quick }: Limits): Promise<string> {
  const lines: (string | number)[][] = [];
  for (const [K, channels, rows] of quick
    ? [[129, 64, 16] as const]
    : ([
        [65, 8, 1],
        [129, 64, 16],
        [257, 1024, 16],
      ] as const)) {
    const taps = sampleTaps(K);
    const filter = await createTrendFilter([{ taps, bias: 0 }], { device });
    const planes = planesOf(channels, 0, rows);
    const worker = new Worker(new URL('worker.mjs', import.meta.url), {
      workerData: { taps, channels, rows },
    });
    await once(worker, 'message');
    let answered: () => void = () => undefined;
    worker.on('message', () => answered());
    const inWorker = async (): Promise<void> => {
      const given = planes.slice();
      const done = new Promise<void>((resolve) => {
        answered = resolve;
      });
      worker.postMessage(given, [given.buffer]);
      await done;
    };
    for (let i = 0; i < 200; i++) await inWorker();
    // What the main thread does for a call in a worker: many handed over before any answer is waited for.
    const handing = async (count: number): Promise<number> => {
      let left = count;
      const done = new Promise<void>((resolve) => {
        answered = () => {
          if (--left === 0) resolve();
        };
      });
      const { user: before } = process.cpuUsage();
      const began = performance.eventLoopUtilization();
      for (let i = 0; i < count; i++) {
        const given = planes.slice();
        worker.postMessage(given, [given.buffer]);
        if (i % 8 === 7) await new Promise((resolve) => setImmediate(resolve));
      }
      await done;
      void before;
      return performance.eventLoopUtilization(began).active / count;
    };
    const ms = await medians(
      [
        await streaming('here', filter, channels, [planes]),
        { name: 'worker', run: inWorker },
        { name: 'handing', burst: () => handing(64) },
      ],
      { rounds, budget },
    );
    const us = (name: string): string => (ms.get(name)! * 1000).toFixed(0);
    lines.push([K, `${channels} × ${rows}`, us('here'), us('worker'), us('handing')]);
    worker.postMessage('stop');
    await once(worker, 'exit');
    await filter.release();
  }
  return table(
    [
      'K',
      'channels × rows',
      'here (µs)',
      'in a worker, until the answer (µs)',
      'of these on the main thread (µs)',
    ],
    lines,
  );
}
