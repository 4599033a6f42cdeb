import { median, table } from '../measure.ts';
import { daemonProcess, relayProcess, type Server } from '../process.ts';
import { masked, openStream, rowsOf, type Shape, subscribe } from './frames.ts';
import { rawSocket, writeAll } from './rawSocket.ts';

const rounds = 5;
const shapes: readonly (Shape & { readonly frames: number })[] = [
  { channels: 8, rows: 1, frames: 120_000 },
  { channels: 8, rows: 16, frames: 60_000 },
  { channels: 64, rows: 16, frames: 16_000 },
];

/** One producer to one subscriber: input frames per second with every trend delivered, however joined. */
export async function benchThroughput(): Promise<string> {
  const lines = [];
  for (const shape of shapes) {
    const rate = { daemon: [] as number[], relay: [] as number[] };
    const cpu = { daemon: [] as number[], relay: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      for (const name of ['relay', 'daemon'] as const) {
        const server = name === 'relay' ? await relayProcess() : await daemonProcess();
        const run = await through(server, shape, name === 'daemon');
        rate[name].push(run.perSecond);
        cpu[name].push(run.cpu);
        await server.stop();
      }
    }
    const [daemon, relay] = [median(rate.daemon), median(rate.relay)];
    lines.push([
      `${shape.channels} × ${shape.rows}`,
      daemon.toFixed(0),
      relay.toFixed(0),
      (daemon / relay).toFixed(2),
      `${(1000 * median(cpu.daemon)).toFixed(1)} : ${(1000 * median(cpu.relay)).toFixed(1)}`,
    ]);
  }
  return table(
    ['channels × rows', 'daemon (frames/s)', 'relay (frames/s)', 'daemon ÷ relay', 'CPU per frame (µs)'],
    lines,
  );
}

async function through(
  server: Server,
  shape: Shape & { readonly frames: number },
  isDaemon: boolean,
): Promise<{ perSecond: number; cpu: number }> {
  const [producer, subscriber] = await Promise.all([rawSocket(server.url), rawSocket(server.url)]);
  const slot = isDaemon ? await openStream(producer, 1, 's', shape.channels) : 0;
  if (isDaemon) await subscribe(subscriber, 1, 's');
  // A tenth of the frames warm the server up.
  const warm = Math.ceil(shape.frames / 10);
  const chunks = [masked(shape, slot, 0, warm), masked(shape, slot, warm, shape.frames)];
  let received = 0;
  let goal = 0;
  let reached: () => void = () => undefined;
  subscriber.onBinary = (payload) => {
    received += rowsOf(payload);
    if (received >= goal) reached();
  };
  const run = async (part: Buffer[], frames: number): Promise<void> => {
    goal = received + frames * shape.rows;
    const all = new Promise<void>((resolve) => {
      reached = resolve;
    });
    await writeAll(producer.socket, part);
    await all;
  };
  await run(chunks[0]!, warm);
  const before = await server.usage();
  const began = performance.now();
  await run(chunks[1]!, shape.frames);
  const seconds = (performance.now() - began) / 1000;
  const after = await server.usage();
  producer.socket.destroy();
  subscriber.socket.destroy();
  return { perSecond: shape.frames / seconds, cpu: (after.cpu - before.cpu) / shape.frames };
}
