import { median, table } from '../measure.ts';
import type { Server } from '../process.ts';
import { masked, openStream, rowsOf, type Shape, subscribe } from './frames.ts';
import { rawSocket, writeAll } from './rawSocket.ts';
import { besideEachOther, type Contender, contenders, serverOf } from './servers.ts';

const shapes: readonly (Shape & { readonly frames: number })[] = [
  { channels: 8, rows: 1, frames: 120_000 },
  { channels: 8, rows: 16, frames: 60_000 },
  { channels: 64, rows: 16, frames: 16_000 },
];

interface Run {
  readonly perSecond: number;
  /** Of the server, for each frame (ms). */
  readonly cpu: number;
}

/** One producer to one subscriber: input frames per second with every trend delivered, however joined. */
export async function benchThroughput(quick: boolean): Promise<string> {
  const lines = [];
  for (const shape of shapes) {
    const runs: Record<Contender, Run[]> = { relay: [], memory: [], full: [] };
    const measured = quick ? { ...shape, frames: shape.frames / 4 } : shape;
    await besideEachOther(contenders, quick ? 3 : 5, async (server, name, round) => {
      runs[name].push(await through(server, measured, name === 'relay' ? undefined : `s/${round}`));
    });
    const rate = (name: Contender): number => median(runs[name].map(({ perSecond }) => perSecond));
    const cpu = (name: Contender): string => (1000 * median(runs[name].map((run) => run.cpu))).toFixed(1);
    lines.push([
      `${shape.channels} × ${shape.rows}`,
      ...contenders.map((name) => rate(name).toFixed(0)),
      (rate('memory') / rate('relay')).toFixed(2),
      (rate('full') / rate('relay')).toFixed(2),
      contenders.map(cpu).join(' : '),
    ]);
  }
  const columns = ['relay (frames/s)', 'memory log', 'sync: full', 'memory ÷ relay', 'full ÷ relay'];
  return `One producer, one subscriber:\n\n${table(
    ['channels × rows', ...columns, 'CPU per frame (µs), relay : memory : full'],
    lines,
  )}`;
}

/** Frames per second that a daemon with the memory log takes when it is given all it can take. */
export async function highestLoad(shape: Shape, frames: number): Promise<number> {
  const server = await serverOf('memory');
  const { perSecond } = await through(server, { ...shape, frames }, 's');
  await server.stop();
  return perSecond;
}

async function through(
  server: Server,
  shape: Shape & { readonly frames: number },
  stream: string | undefined,
): Promise<Run> {
  const [producer, subscriber] = await Promise.all([rawSocket(server.url), rawSocket(server.url)]);
  const slot = stream ? await openStream(producer, 1, stream, shape.channels) : 0;
  if (stream) await subscribe(subscriber, 1, stream);
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
