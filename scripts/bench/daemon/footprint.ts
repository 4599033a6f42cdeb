import { setTimeout } from 'node:timers/promises';
import { median, table } from '../measure.ts';
import { maskedFrame, openStream, rowsOf, type Shape, subscribe } from './frames.ts';
import { paced } from './pace.ts';
import { rawSocket } from './rawSocket.ts';
import { serverOf } from './servers.ts';
import { highestLoad } from './throughput.ts';

const shape: Shape = { channels: 64, rows: 16 };

/** Start, memory when idle, and how late the event loop runs at half the highest load. */
export async function benchFootprint(quick: boolean): Promise<string> {
  const lines = [];
  const seconds = quick ? 2 : 5;
  const load = (await highestLoad(shape, 16_000)) / 2;
  for (const log of ['memory', 'full'] as const) {
    const [starts, idle, late]: number[][] = [[], [], []];
    for (let round = 0; round < (quick ? 1 : 5); round++) {
      const server = await serverOf(log);
      starts!.push(server.startedIn);
      await setTimeout(1000);
      idle!.push((await server.usage()).rss);
      const [producer, subscriber] = await Promise.all([rawSocket(server.url), rawSocket(server.url)]);
      const slot = await openStream(producer, 1, 's', shape.channels);
      await subscribe(subscriber, 1, 's');
      let rows = 0;
      subscriber.onBinary = (payload) => {
        rows += rowsOf(payload);
      };
      const count = Math.floor(load * (seconds + 1));
      const frames = Array.from({ length: count }, (_, i) => maskedFrame(shape, slot, i));
      const warm = Math.floor(load);
      await paced(warm, load, (i) => void producer.socket.write(frames[i]!));
      await server.usage('reset');
      await paced(count - warm, load, (i) => void producer.socket.write(frames[warm + i]!));
      late!.push((await server.usage()).loopDelay.p99);
      while (rows < count * shape.rows) await setTimeout(1);
      for (const { socket } of [producer, subscriber]) socket.destroy();
      await server.stop();
    }
    lines.push([
      log === 'memory' ? 'memory log' : 'sync: full',
      median(starts!).toFixed(0),
      (median(idle!) / 2 ** 20).toFixed(0),
      median(late!).toFixed(1),
    ]);
  }
  return `Start, memory, event loop (at ${load.toFixed(0)} frames/s of ${shape.channels} × ${shape.rows}, half the highest load; timers of 1 ms are part of the delay):\n\n${table(
    ['', 'ready after (ms)', 'resident, idle (MiB)', 'p99 delay of the event loop (ms)'],
    lines,
  )}`;
}
