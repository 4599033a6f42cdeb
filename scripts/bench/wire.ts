/**
 * Frames per second from one producer to one subscriber through the daemon (memory log, JSON, K = 65, every trend
 * delivered), beside a bare `ws` relay of the same bytes in a process of its own. Ratios: daemon ÷ relay.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { median, table } from './measure.ts';
import { serveProcess } from './process.ts';

const frames = 6000;
const rounds = 3;

export async function benchWire(): Promise<string> {
  const lines = [];
  for (const [channels, rows] of [
    [8, 1],
    [8, 16],
    [64, 16],
  ] as const) {
    const perSecond = { daemon: [] as number[], relay: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      perSecond.relay.push(await throughRelay(channels, rows));
      perSecond.daemon.push(await throughDaemon(channels, rows));
    }
    const [daemon, relay] = [median(perSecond.daemon), median(perSecond.relay)];
    lines.push([`${channels} × ${rows}`, daemon.toFixed(0), relay.toFixed(0), (daemon / relay).toFixed(2)]);
  }
  return table(['channels × rows', 'daemon (frames/s)', 'relay (frames/s)', 'daemon ÷ relay'], lines);
}

function valuesOf(channels: number, rows: number): number[][] {
  return Array.from({ length: channels }, (_, c) =>
    Array.from({ length: rows }, (_, i) => Math.fround(Math.sin(c + i) * 1000)),
  );
}

async function connected(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, 'firtrend.v1.json');
  await once(socket, 'open');
  return socket;
}

async function throughDaemon(channels: number, rows: number): Promise<number> {
  const daemon = await serveProcess(['--model', 'gait@1']);
  const [producer, subscriber] = await Promise.all([connected(daemon.url), connected(daemon.url)]);
  const ask = (socket: WebSocket, message: object, reply: string): Promise<{ slot: number }> =>
    new Promise((resolve) => {
      socket.on('message', function listen(data) {
        const answer = JSON.parse(String(data)) as { type: string; slot: number };
        if (answer.type !== reply) return;
        socket.off('message', listen);
        resolve(answer);
      });
      socket.send(JSON.stringify(message));
    });
  const named = Array.from({ length: channels }, (_, c) => ({ name: `c${c}` }));
  const { slot } = await ask(
    producer,
    { type: 'open', id: 1, stream: 's', channels: named, rate: 64 },
    'opened',
  );
  await ask(subscriber, { type: 'subscribe', id: 1, streams: ['s'] }, 'subscribed');
  const values = valuesOf(channels, rows);
  const began = performance.now();
  let received = 0;
  const all = new Promise<void>((resolve) => {
    subscriber.on('message', (data) => {
      const text = String(data);
      if (!text.startsWith('{"type":"trend"')) return;
      const frame = JSON.parse(text) as { trend: number[][] };
      received += frame.trend[0]!.length;
      if (received >= frames * rows) resolve();
    });
  });
  for (let i = 0; i < frames; i++) {
    producer.send(JSON.stringify({ type: 'samples', slot, seq: i * rows, values }));
    if (producer.bufferedAmount > 1 << 20) await new Promise((resolve) => setImmediate(resolve));
  }
  await all;
  const rate = (frames / (performance.now() - began)) * 1000;
  producer.terminate();
  subscriber.terminate();
  await daemon.stop();
  return rate;
}

async function throughRelay(channels: number, rows: number): Promise<number> {
  const relay = spawn(process.execPath, [fileURLToPath(new URL('relay.mjs', import.meta.url))]);
  const [line] = (await once(relay.stdout, 'data')) as [Buffer];
  const url = String(line).trim();
  const [producer, subscriber] = await Promise.all([connected(url), connected(url)]);
  const values = valuesOf(channels, rows);
  const began = performance.now();
  let received = 0;
  const all = new Promise<void>((resolve) => {
    subscriber.on('message', (data) => {
      JSON.parse(String(data));
      if (++received >= frames) resolve();
    });
  });
  for (let i = 0; i < frames; i++) {
    producer.send(JSON.stringify({ type: 'trend', slot: 0, seq: i * rows, trend: values }));
    if (producer.bufferedAmount > 1 << 20) await new Promise((resolve) => setImmediate(resolve));
  }
  await all;
  const rate = (frames / (performance.now() - began)) * 1000;
  producer.terminate();
  subscriber.terminate();
  relay.kill();
  return rate;
}
