import { median, table } from '../measure.ts';
import type { Server } from '../process.ts';
import { masked, openStream, rowsOf, type Shape, subscribe } from './frames.ts';
import { type RawSocket, rawSocket, writeAll } from './rawSocket.ts';
import { serverOf } from './servers.ts';

const subscribers = 1000;
const shape: Shape = { channels: 8, rows: 16 };
const frames = 1000;

/** Many subscribers of one stream: how many rows reach one of them each second. */
export async function benchBroadcast(quick: boolean): Promise<string> {
  const rates = { relay: [] as number[], memory: [] as number[] };
  for (let round = 0; round < (quick ? 3 : 5); round++) {
    for (const name of ['relay', 'memory'] as const) {
      const server = await serverOf(name, ['--set', 'limits.connections=2000']);
      rates[name].push(await broadcast(server, name === 'memory'));
      await server.stop();
    }
  }
  const [relay, daemon] = [median(rates.relay), median(rates.memory)];
  return `${subscribers} subscribers of one stream, frames of ${shape.channels} × ${shape.rows}, memory log:\n\n${table(
    ['relay (deliveries/s)', 'daemon (deliveries/s)', 'daemon ÷ relay'],
    [[relay.toFixed(0), daemon.toFixed(0), (daemon / relay).toFixed(2)]],
  )}`;
}

/** @returns input frames delivered per second, counted once for each subscriber, however joined */
async function broadcast(server: Server, isDaemon: boolean): Promise<number> {
  const producer = await rawSocket(server.url);
  const sinks: RawSocket[] = [];
  for (let i = 0; i < subscribers; i += 50) {
    sinks.push(...(await Promise.all(Array.from({ length: 50 }, () => rawSocket(server.url)))));
  }
  const slot = isDaemon ? await openStream(producer, 1, 's', shape.channels) : 0;
  if (isDaemon) await Promise.all(sinks.map((sink) => subscribe(sink, 1, 's')));
  let rows = 0;
  let goal = 0;
  let reached: () => void = () => undefined;
  for (const sink of sinks) {
    sink.onBinary = (payload) => {
      rows += rowsOf(payload);
      if (rows >= goal) reached();
    };
  }
  const run = async (from: number, count: number): Promise<void> => {
    goal = rows + count * shape.rows * subscribers;
    const all = new Promise<void>((resolve) => {
      reached = resolve;
    });
    // No further ahead than a relay without a window of its own can hold for everybody.
    for (let at = from; at < from + count; at += 100) {
      const part = goal - (from + count - at - 100) * shape.rows * subscribers;
      await writeAll(producer.socket, masked(shape, slot, at, 100));
      while (rows < part) await new Promise((resolve) => setImmediate(resolve));
    }
    await all;
  };
  await run(0, 100);
  const began = performance.now();
  await run(100, frames);
  const seconds = (performance.now() - began) / 1000;
  for (const socket of [producer, ...sinks]) socket.socket.destroy();
  return (frames * subscribers) / seconds;
}
