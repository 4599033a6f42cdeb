import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { connect } from '../../src/client/client.ts';
import { type Authenticate, anyone, unauthorised } from '../../src/daemon/principal.ts';
import { type CloseName, closeCodes } from '../../src/wire/closeCodes.ts';
import { fakeServer, hello } from '../client/fakeServer.ts';
import { startDaemon } from '../support/daemon.ts';
import { type RawClient, rawClient } from '../support/rawClient.ts';

/** Tokens are `NAME` or `NAME for N ms`; `bad` is refused, `broken` is an error of ours. */
const authenticate: Authenticate = async (token = '') => {
  const [, name, ms] = /^(\w+)(?: for (\d+) ms)?$/.exec(token) ?? [];
  if (name === 'broken') throw new Error('the list of tokens cannot be read');
  if (name === undefined || name === 'bad') throw unauthorised('token: expected another');
  return { ...anyone, name, ...(ms && { expires: Date.now() + Number(ms) }) };
};

const open = { type: 'open', stream: 's', channels: [{ name: 'x' }], rate: 10 };
/** A stream whose news are large. */
const wide = (n: number) => ({
  ...open,
  stream: `wide/${n}`,
  channels: Array.from({ length: 200 }, (_, c) => ({ name: `${c}`.padEnd(128, '-') })),
});

async function connected(url: string): Promise<number> {
  const status = await fetch(url.replace('ws:', 'http:').replace('/v1', '/readyz'));
  return ((await status.json()) as { connections: number }).connections;
}

/** How a client that speaks over a socket comes to see each code; typed so that a code without a test is an error. */
const ways: Record<CloseName, () => Promise<{ code: number; reason: string }>> = {
  async draining() {
    const daemon = await startDaemon();
    const client = await rawClient(daemon.url);
    await daemon.close();
    return client.closed;
  },

  async tooSlow() {
    const { url } = await startDaemon({ retentionBytes: 200_000 });
    const [producer, slow] = await Promise.all([rawClient(url), rawClient(url)]);
    const channels = Array.from({ length: 64 }, (_, c) => ({ name: `c${c}` }));
    const { slot } = await producer.ask({ ...open, channels });
    await slow.ask({ type: 'subscribe', streams: ['s'] });
    slow.socket.pause();
    const values = channels.map((_, c) => Array.from({ length: 100 }, (_, i) => Math.sin(c + i) * 1e-3));
    // More than the sockets of both ends and the daemon's budget hold.
    for (let seq = 0; seq < 60_000; seq += 100) producer.samples({ slot, seq, values });
    await producer.until((m) => m.type === 'ack' && m.nextSeq === 60_000, 30);
    slow.socket.resume();
    return slow.closed;
  },

  async noAlive() {
    const { url } = await startDaemon({ ping: { interval: 80, timeout: 80 } });
    return (await rawClient(url)).closed;
  },

  async controlBacklog() {
    const { url } = await startDaemon({ limits: { controlBacklogBytes: 10_000 } });
    const [producer, slow] = await Promise.all([rawClient(url), rawClient(url)]);
    await slow.ask({ type: 'subscribe', streams: ['**'] });
    slow.socket.pause();
    for (let n = 0; n < 1000 && (await connected(url)) === 2; n++) await producer.ask(wide(n));
    slow.socket.resume();
    return slow.closed;
  },

  async tokenExpired() {
    const { url } = await startDaemon({ authenticate });
    const client = await rawClient(url, { first: 'hello' });
    const welcome = await client.ask({ type: 'auth', token: 'anna for 300 ms' });
    expect(welcome.expires).toBeGreaterThan(Date.now() - 1000);
    const began = performance.now();
    const closed = await client.closed;
    expect(performance.now() - began).toBeGreaterThan(200);
    return closed;
  },

  async rate() {
    const { url } = await startDaemon({ limits: { messagesPerSecond: 50, rateGraceMs: 400 } });
    const client = await rawClient(url);
    for (let id = 1; id <= 500; id++) client.send({ type: 'streams', id });
    return client.closed;
  },

  async internal() {
    const { url } = await startDaemon({ authenticate });
    const client = await rawClient(url, { first: 'hello' });
    client.send({ type: 'auth', id: 1, token: 'broken' });
    return client.closed;
  },

  async badMessage() {
    const { url } = await startDaemon();
    const client = await rawClient(url);
    client.socket.send('{"type":');
    return client.closed;
  },

  async unauthorised() {
    const { url } = await startDaemon({ authenticate });
    const client = await rawClient(url, { first: 'hello' });
    expect(await client.ask({ type: 'auth', token: 'bad' })).toMatchObject({
      type: 'error',
      code: 'unauthorised',
      field: 'token',
    });
    return client.closed;
  },

  /** What the daemon does not speak it refuses before there is a connection; a client of ours says it so. */
  async version() {
    const daemon = await fakeServer();
    const accepted = daemon.accept([{ ...hello, protocol: 'firtrend.v2' }]);
    const connecting = connect(daemon.url).catch((error: unknown) => error);
    const { socket } = await accepted;
    const closed = new Promise<{ code: number; reason: string }>((resolve) => {
      socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    expect(await connecting).toMatchObject({ code: 'version', closeCode: 4502 });
    const told = await closed;
    await daemon.close();
    return told;
  },

  async limit() {
    const { url } = await startDaemon({ limits: { connections: 1 } });
    await rawClient(url);
    return (await rawClient(url, { first: 'nothing' })).closed;
  },

  async idReused() {
    const { url } = await startDaemon();
    const client = await rawClient(url);
    await client.ask({ type: 'streams', id: 10 });
    client.send({ type: 'streams', id: 10 });
    return client.closed;
  },

  async authTimeout() {
    const { url } = await startDaemon({ authenticate, limits: { authTimeoutMs: 150 } });
    return (await rawClient(url, { first: 'hello' })).closed;
  },
};

describe('every close code, through a socket', () => {
  test.each(Object.entries(closeCodes))('%s: %i', async (name, code) => {
    const closed = await ways[name as CloseName]();
    expect(closed.code).toBe(code);
    expect(closed.reason).not.toBe('');
  });

  test('there is a way to each of them', () => {
    expect(Object.keys(ways).sort()).toEqual(Object.keys(closeCodes).sort());
  });
});

describe('4003', () => {
  test('also for answers that are not read: requests wait, and then the client is gone', async () => {
    const { url } = await startDaemon({
      limits: { outboundBytes: 10_000 },
      ping: { interval: 150, timeout: 150 },
    });
    const [producer, slow] = await Promise.all([
      rawClient(url, { alive: 50 }),
      rawClient(url, { alive: 50 }),
    ]);
    for (let n = 0; n < 40; n++) await producer.ask(wide(n));
    slow.socket.pause();
    // A megabyte each.
    for (let id = 1; id <= 60; id++) slow.send({ type: 'streams', id });
    await expect.poll(() => connected(url), { interval: 20, timeout: 5000 }).toBe(1);
    slow.socket.resume();
    expect((await slow.closed).code).toBe(4003);
    // Those behind the backlog were never looked at.
    expect(slow.messages.filter(({ type }) => type === 'streams').length).toBeLessThan(60);
  });

  test('a client that reads late but does read gets every answer', async () => {
    const { url } = await startDaemon({ limits: { outboundBytes: 10_000 } });
    const [producer, late] = await Promise.all([rawClient(url), rawClient(url)]);
    for (let n = 0; n < 10; n++) await producer.ask(wide(n));
    late.socket.pause();
    for (let id = 1; id <= 60; id++) late.send({ type: 'streams', id });
    await sleep(200);
    late.socket.resume();
    await late.until((m) => m.id === 60);
    expect(late.messages.filter(({ type }) => type === 'streams').map(({ id }) => id)).toEqual(
      Array.from({ length: 60 }, (_, i) => i + 1),
    );
  });
});

test('a client that closes by itself gets its own code back, and its streams are free', async () => {
  const { url } = await startDaemon();
  const client = await rawClient(url);
  await client.ask(open);
  client.socket.close(1000, 'done');
  expect((await client.closed).code).toBe(1000);
  const other: RawClient = await rawClient(url);
  expect(await other.ask(open)).toMatchObject({ type: 'opened' });
});
