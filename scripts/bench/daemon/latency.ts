import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median, table } from '../measure.ts';
import type { Server } from '../process.ts';
import { maskedFrame, openStream, rowsOf, type Shape, seqOf, subscribe } from './frames.ts';
import { paced } from './pace.ts';
import { rawSocket } from './rawSocket.ts';
import { besideEachOther, type Contender, contenders } from './servers.ts';

const shape: Shape = { channels: 64, rows: 16 };
const perSecond = 5000;

interface Run {
  /** From handing a frame to the socket to having the last of its trends (ms). */
  readonly p50: number;
  readonly p99: number;
}

/** What the daemon adds to the time a frame takes through a relay. */
export async function benchLatency(quick: boolean): Promise<string> {
  const runs: Record<Contender, Run[]> = { relay: [], memory: [], full: [] };
  // A second of them warms up.
  const count = (quick ? 3 : 5) * perSecond;
  // Its first slot is 0 on every connection.
  const frames = Array.from({ length: count }, (_, i) => maskedFrame(shape, 0, i));
  await besideEachOther(contenders, quick ? 3 : 5, async (server, name, round) => {
    runs[name].push(await latencies(server, frames, name === 'relay' ? undefined : `s/${round}`));
  });
  const of = (name: Contender, which: keyof Run): number => median(runs[name].map((run) => run[which]));
  const added = (name: Contender, which: keyof Run): string =>
    (of(name, which) - of('relay', which)).toFixed(2);
  const lines = contenders.map((name) => [
    name === 'relay' ? 'relay' : name === 'memory' ? 'memory log' : 'sync: full',
    of(name, 'p50').toFixed(2),
    of(name, 'p99').toFixed(2),
    ...(name === 'relay' ? ['', ''] : [added(name, 'p50'), added(name, 'p99')]),
  ]);
  const head = `Latency at ${perSecond} frames/s of ${shape.channels} × ${shape.rows}; the disk's own median fdatasync of 64 KiB: ${(await syncTime()).toFixed(2)} ms:`;
  return `${head}\n\n${table(['', 'median (ms)', 'p99 (ms)', 'added, median', 'added, p99'], lines)}`;
}

async function latencies(
  server: Server,
  frames: readonly Buffer[],
  stream: string | undefined,
): Promise<Run> {
  const [producer, subscriber] = await Promise.all([rawSocket(server.url), rawSocket(server.url)]);
  if (stream) await openStream(producer, 1, stream, shape.channels);
  if (stream) await subscribe(subscriber, 1, stream);
  const warm = perSecond;
  const count = frames.length;
  const sentAt = new Float64Array(count);
  const took: number[] = [];
  let next = 0;
  let done: () => void = () => undefined;
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  subscriber.onBinary = (payload) => {
    const now = performance.now();
    const end = (seqOf(payload) + rowsOf(payload)) / shape.rows;
    for (; next + 1 <= end; next++) if (next >= warm) took.push(now - sentAt[next]!);
    if (next === count) done();
  };
  await paced(count, perSecond, (i) => {
    sentAt[i] = performance.now();
    producer.socket.write(frames[i]!);
  });
  await all;
  producer.socket.destroy();
  subscriber.socket.destroy();
  took.sort((a, b) => a - b);
  return { p50: took[took.length >> 1]!, p99: took[Math.floor(0.99 * took.length)]! };
}

/** Median of writing 64 KiB behind what is there and `fdatasync` (ms). */
async function syncTime(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'firtrend-bench-'));
  const file = await open(join(folder, 'disk'), 'w');
  const bytes = Buffer.alloc(65_536, 1);
  const times: number[] = [];
  for (let i = 0; i < 200; i++) {
    await file.write(bytes, 0, bytes.length, i * bytes.length);
    const began = performance.now();
    await file.datasync();
    times.push(performance.now() - began);
  }
  await file.close();
  rmSync(folder, { recursive: true });
  return median(times);
}
