import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connect } from '../../src/client/client.ts';
import { type ServeProcess, serveProcess } from '../support/command.ts';
import { feed } from '../support/feed.ts';
import { gauges } from '../support/gauges.ts';
import { repositoryWith, sampleTaps } from '../support/models.ts';
import { proxyTo } from '../support/proxy.ts';
import { rawClient } from '../support/rawClient.ts';

/* Peers that are gone without a word: TCP says nothing of it, so the heartbeat has to. */

const heartbeat = 400;
/** The daemon looks four times a heartbeat; the rest is what a busy machine may take. */
const within = 2 * heartbeat + heartbeat / 4 + 300;

async function station(): Promise<ServeProcess> {
  const models = await repositoryWith(sampleTaps(9));
  const ping = ['interval', 'timeout'].flatMap((each) => ['--set', `ping.${each}=${heartbeat}ms`]);
  return serveProcess(['--models', models, '--model', 'test', ...ping]);
}

/** A WebSocket by hand, on a socket that answers nothing from here on but what TCP itself does. */
async function silentPeer(url: string, messages: readonly object[]): Promise<Socket> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connectTcp(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.write(
    `GET ${pathname} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nupgrade: websocket\r\nconnection: upgrade\r\n` +
      `sec-websocket-version: 13\r\nsec-websocket-key: ${randomBytes(16).toString('base64')}\r\n` +
      'sec-websocket-protocol: firtrend.v1.json\r\n\r\n',
  );
  for (const message of messages) {
    const payload = Buffer.from(JSON.stringify(message));
    // A mask of zeros.
    const head = [129, ...(payload.length < 126 ? [128 | payload.length] : [128 | 126, 0, payload.length])];
    socket.write(Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]));
  }
  return socket;
}

/** How long it takes until the daemon has so many WebSockets (ms). */
async function noticed(url: string, connections: number): Promise<number> {
  const began = performance.now();
  const readyz = url.replace(/^ws/, 'http').replace(/\/v1$/, '/readyz');
  while (((await (await fetch(readyz)).json()) as { connections: number }).connections > connections) {
    if (performance.now() - began > 10_000) break;
    await sleep(5);
  }
  return performance.now() - began;
}

const open = { type: 'open', id: 1, stream: 'ghost', channels: [{ name: 'x' }], rate: 10 };

describe(`a silent peer is noticed within two heartbeats (${heartbeat} ms)`, () => {
  test.each([
    ['that says nothing from the start', []],
    ['that was a producer', [open]],
    ['that is sent data', [{ type: 'subscribe', id: 1, streams: ['**'] }]],
  ] as const)('one %s', async (_, messages) => {
    const daemon = await station();
    const source = await feed(daemon.url, { stream: 's', channels: 4, rows: 4, alive: heartbeat / 4 });
    const before = await gauges(daemon.url);
    const sending = setInterval(() => source.send(1), 10);
    onTestFinished(() => clearInterval(sending));
    const peer = await silentPeer(daemon.url, messages);
    // Read by the system, as a machine does that has lost its program.
    peer.resume();
    await expect.poll(async () => (await gauges(daemon.url)).connections).toBe(2);
    const took = await noticed(daemon.url, 1);
    expect(took).toBeLessThan(within);
    // What it held is free, the one that speaks is still there, and the socket is gone with its descriptor and timers.
    const other = await rawClient(daemon.url, { alive: heartbeat / 4 });
    expect(await other.ask(open)).toMatchObject({ type: 'opened' });
    other.socket.terminate();
    await source.acknowledged();
    await expect
      .poll(async () => (await gauges(daemon.url)).descriptors, { timeout: 5000 })
      .toBeLessThanOrEqual(before.descriptors);
    await expect
      .poll(async () => (await gauges(daemon.url)).timers, { timeout: 5000 })
      .toBeLessThanOrEqual(before.timers);
    process.stdout.write(`half-open: noticed after ${(took / heartbeat).toFixed(2)} heartbeats\n`);
  });

  test('cables that are cut between a client of ours and the daemon: both ends notice', async () => {
    const daemon = await station();
    const proxy = await proxyTo(daemon.url);
    const client = await connect(proxy.url, { reconnect: false });
    const source = await client.open({ stream: 's', channels: [{ name: 'x' }], rate: 10 });
    await source.send({ seq: 0, planes: Float32Array.of(1, 2, 3) });
    await source.flush();
    // Longer than it may be silent: the heartbeat keeps it.
    await sleep(3 * heartbeat);
    expect((await gauges(daemon.url)).connections).toBe(1);
    const frozen = performance.now();
    proxy.freeze();
    const ours = client.closed.then((error) => ({ error, took: performance.now() - frozen }));
    const theirs = await noticed(daemon.url, 0);
    expect(theirs).toBeLessThan(within);
    const { error, took } = await ours;
    expect(error).toMatchObject({ code: 'noAlive' });
    expect(took).toBeLessThan(within);
    process.stdout.write(
      `half-open: the daemon noticed after ${(theirs / heartbeat).toFixed(2)} heartbeats, the client after ${(took / heartbeat).toFixed(2)}\n`,
    );
  });
});

test('a connection that never asks for anything is dropped after the 5 s that headers may take', async () => {
  const daemon = await station();
  const { hostname, port } = new URL(daemon.url);
  const socket = connectTcp(Number(port), hostname).resume();
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  const began = performance.now();
  await once(socket, 'close');
  const took = performance.now() - began;
  expect(took).toBeGreaterThan(4500);
  expect(took).toBeLessThan(8000);
});
