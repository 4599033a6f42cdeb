import { median, table } from '../measure.ts';
import type { Server } from '../process.ts';
import { masked, openStream, rowsOf, type Shape, subscribe } from './frames.ts';
import { type RawSocket, rawSocket, writeAll } from './rawSocket.ts';
import { besideEachOther } from './servers.ts';

const subscribers = 1000;
const shape: Shape = { channels: 8, rows: 16 };
const inFlight = 50;

/** Many subscribers of one stream: how many rows reach one of them each second. */
export async function benchBroadcast(quick: boolean): Promise<string> {
  const rates = { relay: [] as number[], memory: [] as number[] };
  const frames = quick ? 100 : 1000;
  await besideEachOther(
    ['relay', 'memory'],
    quick ? 3 : 5,
    async (server, name, round) => {
      rates[name].push(await broadcast(server, frames, name === 'relay' ? undefined : `s/${round}`));
    },
    ['--set', 'limits.connections=2000'],
  );
  const [relay, daemon] = [median(rates.relay), median(rates.memory)];
  return `${subscribers} subscribers of one stream, frames of ${shape.channels} × ${shape.rows}, memory log:\n\n${table(
    ['relay (deliveries/s)', 'daemon (deliveries/s)', 'daemon ÷ relay'],
    [[relay.toFixed(0), daemon.toFixed(0), (daemon / relay).toFixed(2)]],
  )}`;
}

/** @returns input frames delivered per second, counted once for each subscriber, however joined */
async function broadcast(server: Server, frames: number, stream: string | undefined): Promise<number> {
  const producer = await rawSocket(server.url);
  const sinks: RawSocket[] = [];
  for (let i = 0; i < subscribers; i += 50) {
    sinks.push(...(await Promise.all(Array.from({ length: 50 }, () => rawSocket(server.url)))));
  }
  const slot = stream ? await openStream(producer, 1, stream, shape.channels) : 0;
  if (stream) await Promise.all(sinks.map((sink) => subscribe(sink, 1, stream)));
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
    for (let at = from; at < from + count; at += inFlight) {
      const part = goal - (from + count - at - inFlight) * shape.rows * subscribers;
      await writeAll(producer.socket, masked(shape, slot, at, inFlight));
      while (rows < part) await new Promise((resolve) => setImmediate(resolve));
    }
    await all;
  };
  await run(0, inFlight);
  const began = performance.now();
  await run(inFlight, frames);
  const seconds = (performance.now() - began) / 1000;
  for (const socket of [producer, ...sinks]) socket.socket.destroy();
  return (frames * subscribers) / seconds;
}
