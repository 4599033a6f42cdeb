/** 10,000 streams of 8 channels at a frame a second each, beside 10 streams at the same total rate. */
import { setTimeout as later } from 'node:timers/promises';
import { median, table } from '../measure.ts';
import { daemonProcess, type Server } from '../process.ts';
import { openStream, rowsOf, samplesFrame, subscribe } from './frames.ts';
import { clientFrame, rawSocket, writeAll } from './rawSocket.ts';

const channels = 8;
/** Of the bundled model. */
const taps = 65;
const perSecond = 10_000;
const seconds = 3;
const tickMs = 10;
/** Who says nothing for 20 s is taken for gone. */
const aliveMs = 5000;
/** Streams that are opened at once. */
const opening = 100;

/** One producer of all streams and one subscriber of all of them, every trend delivered. */
export async function benchManyStreams(rounds = 3): Promise<string> {
  const lines = [];
  for (const rows of [1, 16]) {
    const cpu = new Map([10, 10_000].map((streams) => [streams, [] as number[]]));
    for (let round = 0; round < rounds; round++) {
      for (const [streams, times] of cpu) {
        const server = await daemonProcess();
        times.push(await perFrame(server, streams, rows));
        await server.stop();
      }
    }
    const [few, many] = [...cpu.values()].map((times) => 1000 * median(times)) as [number, number];
    lines.push([`8 × ${rows}`, few.toFixed(1), many.toFixed(1), `${(many / few).toFixed(2)} ×`]);
  }
  return table(
    ['channels × rows', '10 streams: CPU per frame (µs)', '10,000 streams', 'that of 10 streams'],
    lines,
  );
}

/** @returns CPU time of the daemon (ms) for a frame, once every stream's window is full */
async function perFrame(server: Server, streams: number, rows: number): Promise<number> {
  const [producer, subscriber] = await Promise.all([rawSocket(server.url), rawSocket(server.url)]);
  const alive = setInterval(() => {
    for (const { text } of [producer, subscriber]) text({ type: 'alive', t: Date.now() });
  }, aliveMs);
  const slots: number[] = [];
  while (slots.length < streams) {
    const some = Array.from({ length: Math.min(opening, streams - slots.length) }, (_, i) =>
      openStream(producer, slots.length + i, `s${slots.length + i}`, channels),
    );
    slots.push(...(await Promise.all(some)));
  }
  await subscribe(subscriber, 1, '**');
  let received = 0;
  subscriber.onBinary = (payload) => {
    received += rowsOf(payload);
  };
  // A stream's place in the second is its own: the order of their numbers would be that of their memory.
  const order = slots.map((_, i) => slots[(i * 7919) % slots.length]!);
  let sent = 0;
  let expected = 0;
  const send = async (frames: number, length: number): Promise<void> => {
    const bytes = Array.from({ length: frames }, () => {
      const round = Math.floor(sent / streams);
      const seq = round === 0 ? 0 : taps + (round - 1) * rows;
      return clientFrame(samplesFrame({ channels, rows: length }, order[sent++ % streams]!, seq));
    });
    expected += frames * length;
    await writeAll(producer.socket, [Buffer.concat(bytes)]);
  };
  const all = async (): Promise<void> => {
    let moved = performance.now();
    for (let last = -1; received < expected; last = received, await later(tickMs)) {
      if (received !== last) moved = performance.now();
      if (performance.now() - moved > 10_000) throw new Error(`bench: ${received} of ${expected} rows`);
    }
  };
  for (let left = streams; left > 0; left -= opening) await send(Math.min(opening, left), taps);
  await all();
  const frames = perSecond * seconds;
  const before = await server.usage();
  const began = performance.now();
  for (let tick = 0; tick * tickMs < seconds * 1000; tick++) {
    await send((perSecond * tickMs) / 1000, rows);
    await later(Math.max(0, began + (tick + 1) * tickMs - performance.now()));
  }
  await all();
  const after = await server.usage();
  clearInterval(alive);
  producer.socket.destroy();
  subscriber.socket.destroy();
  return (after.cpu - before.cpu) / frames;
}
