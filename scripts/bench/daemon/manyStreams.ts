import { median, table } from '../measure.ts';
import { maskedFrame, openStream, rowsOf, type Shape, subscribe } from './frames.ts';
import { paced } from './pace.ts';
import { type RawSocket, rawSocket } from './rawSocket.ts';
import { serverOf } from './servers.ts';

/** Frames of all streams together each second. */
const perSecond = 10_000;
const connections = 10;
const shapes: readonly Shape[] = [
  { channels: 8, rows: 1 },
  { channels: 8, rows: 16 },
];

/** The same number of frames each second from many streams and from few: what one costs. */
export async function benchManyStreams(quick: boolean): Promise<string> {
  const lines = [];
  for (const shape of shapes) {
    const cpu: Record<10 | 10_000, number[]> = { 10: [], 10000: [] };
    const perStream: number[] = [];
    for (let round = 0; round < (quick ? 1 : 3); round++) {
      for (const streams of [10, 10_000] as const) {
        const run = await feed(streams, shape, quick ? 2 : 4);
        cpu[streams].push(run.cpu);
        if (streams === 10_000) perStream.push(run.bytesPerStream);
      }
    }
    const [few, many] = [median(cpu[10]), median(cpu[10_000])];
    lines.push([
      `${shape.channels} × ${shape.rows}`,
      (1000 * few).toFixed(1),
      (1000 * many).toFixed(1),
      (many / few).toFixed(2),
      (median(perStream) / 1024).toFixed(1),
    ]);
  }
  return `${perSecond} frames/s in all, from 10 and from 10,000 streams over ${connections} connections, one subscriber of all:\n\n${table(
    [
      'channels × rows',
      '10 streams: CPU per frame (µs)',
      '10,000 streams',
      'ratio',
      'resident per stream of 10,000 (KiB, log in files)',
    ],
    lines,
  )}`;
}

async function feed(
  streams: number,
  shape: Shape,
  seconds: number,
): Promise<{ cpu: number; bytesPerStream: number }> {
  const server = await serverOf('full', ['--set', 'limits.streams=20000']);
  const producers: RawSocket[] = [];
  for (let i = 0; i < connections; i++) producers.push(await rawSocket(server.url));
  const subscriber = await rawSocket(server.url);
  await subscribe(subscriber, 1, '**');
  const before = await server.usage();
  const each = streams / connections;
  const slots = await Promise.all(
    producers.map(async (producer, p) => {
      const mine: number[] = [];
      for (let i = 0; i < each; i++) {
        mine.push(await openStream(producer, i + 1, `s/${p}/${i}`, shape.channels));
      }
      return mine;
    }),
  );
  let rows = 0;
  subscriber.onBinary = (payload) => {
    rows += rowsOf(payload);
  };
  const total = (seconds + 1) * perSecond;
  const frames = Array.from({ length: total }, (_, i) => {
    const stream = i % streams;
    const slot = slots[stream % connections]![Math.floor(stream / connections)]!;
    return maskedFrame(shape, slot, Math.floor(i / streams));
  });
  const run = async (from: number, count: number): Promise<void> => {
    const goal = (from + count) * shape.rows;
    await paced(count, perSecond, (i) => {
      producers[((from + i) % streams) % connections]!.socket.write(frames[from + i]!);
    });
    while (rows < goal) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  await run(0, perSecond);
  const began = await server.usage();
  await run(perSecond, seconds * perSecond);
  const after = await server.usage();
  for (const { socket } of [...producers, subscriber]) socket.destroy();
  await server.stop();
  return {
    cpu: (after.cpu - began.cpu) / (seconds * perSecond),
    bytesPerStream: (began.rss - before.rss) / streams,
  };
}
