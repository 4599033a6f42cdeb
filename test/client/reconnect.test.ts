import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type ConnectionState,
  type ConnectOptions,
  connect,
  type FirtrendClient,
  type Producer,
} from '../../src/client/client.ts';
import { closeCodes } from '../../src/wire/closeCodes.ts';
import type { ServerControl } from '../../src/wire/serverMessages.ts';
import { type FakeServer, fakeServer, hello, type Peer, welcome } from './fakeServer.ts';

const epoch = '00000000000000aa';
const otherEpoch = '00000000000000bb';
let server: FakeServer;
let client: FirtrendClient;

beforeEach(async () => {
  server = await fakeServer();
});

afterEach(async () => {
  await client?.close();
  await server.close();
});

async function connected(options: ConnectOptions = {}, greeting?: readonly ServerControl[]): Promise<Peer> {
  const accepted = server.accept(greeting);
  client = await connect(server.url, { reconnect: { minDelay: 1, maxDelay: 10 }, ...options });
  return await accepted;
}

describe('close codes', () => {
  it.each([...Object.values(closeCodes), 1001, 1006, 1011, 1012, 1013])(
    '%i: back if it is below 4500, the end if not',
    async (code) => {
      const peer = await connected();
      const states: ConnectionState[] = [];
      client.onState((state) => states.push(state));
      const again = server.accept();
      if (code === 1006) peer.socket.terminate();
      else peer.socket.close(code, 'so it is');
      if (code >= 4500) {
        expect(await client.closed).toMatchObject({ closeCode: code });
        expect(states).toEqual([{ status: 'closed', error: await client.closed }]);
        await sleep(30);
        expect(client.state.status).toBe('closed');
        return;
      }
      await again;
      await vi.waitFor(() => expect(client.state).toEqual({ status: 'connected' }));
      expect(states).toMatchObject([
        { status: 'waiting', attempt: 1, error: { closeCode: code } },
        { status: 'connecting', attempt: 1 },
        { status: 'connected' },
      ]);
    },
  );

  it('a daemon that drains is told in the state', async () => {
    const peer = await connected();
    peer.send({ type: 'draining', deadline: 12345 });
    await vi.waitFor(() => expect(client.state).toEqual({ status: 'connected', draining: 12345 }));
  });
});

describe('attempts', () => {
  it('go on with longer waits while nobody is there, and end with close', async () => {
    const peer = await connected({ reconnect: { minDelay: 8, maxDelay: 64 } });
    const waits: number[] = [];
    client.onState((state) => {
      if (state.status === 'waiting') waits.push(state.retryAt - Date.now());
    });
    const asked = client.streams().catch((error: unknown) => error);
    await peer.next();
    await server.close();
    await vi.waitFor(() => expect(waits.length).toBeGreaterThan(6), { timeout: 5000 });
    expect(Math.max(...waits)).toBeLessThanOrEqual(64);
    // What was asked waits for the next connection; with close it will never come.
    await client.close();
    expect(await asked).toMatchObject({ code: 'closed' });
    expect(await client.closed).toBeUndefined();
    server = await fakeServer();
  });

  it('begin with the first one where told to', async () => {
    const { url } = server;
    await server.close();
    await expect(connect(url)).rejects.toMatchObject({ code: 'connectFailed' });
    const connecting = connect(url, { reconnect: { first: true, minDelay: 5, maxDelay: 20 } });
    await sleep(50);
    server = await fakeServer(undefined, Number(new URL(url).port));
    await server.accept();
    client = await connecting;
    expect(client.state.status).toBe('connected');
  });

  it('a request without an answer is asked again', async () => {
    const peer = await connected();
    const asked = client.streams('a');
    await peer.next();
    const again = server.accept();
    peer.socket.terminate();
    const next = await again;
    const { id, ...request } = await next.next();
    expect(request).toEqual({ type: 'streams', pattern: 'a' });
    next.send({ type: 'streams', id, streams: [] });
    expect(await asked).toEqual([]);
  });
});

describe('a token from a function', () => {
  const greeting = [{ ...hello, authRequired: true }];
  const welcomed = (id: number, expires: number | null): ServerControl => ({ ...welcome, id, expires });

  it('is asked for each connection, renewed before it ends, and again where that failed', async () => {
    let asked = 0;
    const token = async (): Promise<string> => {
      asked++;
      if (asked === 2) throw new Error('the token server is away');
      return `token ${asked}`;
    };
    const accepted = server.accept(greeting);
    const connecting = connect(server.url, { token, reconnect: { minDelay: 1 } });
    const peer = await accepted;
    expect(await peer.next()).toMatchObject({ type: 'auth', token: 'token 1' });
    peer.send(welcomed(1, Date.now() + 1200));
    client = await connecting;
    expect(await peer.next()).toMatchObject({ type: 'auth', id: 2, token: 'token 3' });
    const expires = Date.now() + 3_600_000;
    peer.send(welcomed(2, expires));
    await vi.waitFor(() => expect(client.welcome.expires).toBe(expires));
    const again = server.accept(greeting);
    peer.socket.close(closeCodes.tokenExpired, 'ended');
    const next = await again;
    expect(await next.next()).toMatchObject({ type: 'auth', token: 'token 4' });
    next.send(welcomed(1, null));
    await vi.waitFor(() => expect(client.state.status).toBe('connected'));
  });

  it('that is refused ends the client', async () => {
    const accepted = server.accept(greeting);
    const connecting = connect(server.url, { token: () => 'bad' });
    const peer = await accepted;
    await peer.next();
    peer.send({ type: 'error', id: 1, code: 'unauthorised', message: 'token: expected another' });
    await expect(connecting).rejects.toMatchObject({ code: 'unauthorised' });
  });
});

describe('a producer', () => {
  const opened = (id: number, nextSeq: number, more: object = {}): ServerControl =>
    ({ type: 'opened', id, slot: 5, epoch, nextSeq, window: 1000, ...more }) as ServerControl;

  async function producing(peer: Peer): Promise<[Producer, Record<string, unknown>]> {
    const opening = client.open({ stream: 's', channels: [{ name: 'x' }], rate: 8 });
    const { id, ...asked } = await peer.next();
    peer.send(opened(id, 0));
    return [await opening, asked];
  }

  async function cutAfter(peer: Peer): Promise<Peer> {
    const again = server.accept();
    peer.socket.terminate();
    return await again;
  }

  it('opens again with its id and its epoch, and sends what is not held', async () => {
    const peer = await connected();
    const [producer, asked] = await producing(peer);
    const planes = Float32Array.of(2);
    await producer.send({ values: [[0, 1]] });
    await producer.send({ planes });
    planes[0] = 99;
    await producer.send({ values: [[3]], time: 12 });
    for (let i = 0; i < 3; i++) await peer.next();
    peer.send({ type: 'ack', slot: 5, nextSeq: 2 });
    await vi.waitFor(() => expect(producer.acked).toBe(2));
    const next = await cutAfter(peer);
    const reopen = await next.next();
    expect(reopen).toEqual({ ...asked, id: 1, epoch, nextSeq: 2 });
    expect(asked.producer).toMatch(/^client-\w{15,}$/);
    const waiting = producer.send({ values: [[4]] });
    next.send(opened(1, 3, { slot: 9 }));
    expect(await next.next()).toEqual({ type: 'samples', slot: 9, seq: 3, time: 12, values: [[3]] });
    expect(await next.next()).toEqual({ type: 'samples', slot: 9, seq: 4, values: [[4]] });
    await waiting;
    const flushed = producer.flush();
    next.send({ type: 'ack', slot: 9, nextSeq: 5 });
    await flushed;
  });

  it('goes on in a new epoch with what was not acknowledged', async () => {
    const peer = await connected();
    const [producer] = await producing(peer);
    for (let i = 0; i < 4; i++) await producer.send({ values: [[i]] });
    peer.send({ type: 'ack', slot: 5, nextSeq: 3 });
    await vi.waitFor(() => expect(producer.acked).toBe(3));
    const next = await cutAfter(peer);
    await next.next();
    next.send(opened(1, 0, { epoch: otherEpoch }));
    expect(await next.next()).toMatchObject({ seq: 0, values: [[3]] });
    await producer.send({ seq: 6, values: [[6]] });
    // The caller counts on; two samples are missing between.
    expect(await next.next()).toMatchObject({ seq: 3, values: [[6]] });
    expect(producer).toMatchObject({ epoch: otherEpoch, shift: -3, nextSeq: 7 });
  });

  it('is told where another has fed its stream meanwhile, or has it', async () => {
    const peer = await connected();
    const [fed] = await producing(peer);
    await fed.send({ values: [[0]] });
    const next = await cutAfter(peer);
    await next.next();
    next.send(opened(1, 7));
    await expect(fed.flush()).rejects.toMatchObject({ code: 'takenOver' });

    const [busy] = await producing(next);
    const last = await cutAfter(next);
    const { id } = await last.next();
    last.send({ type: 'error', id, code: 'streamBusy', message: 'stream: has a producer' });
    await vi.waitFor(() =>
      expect(busy.send({ values: [[0]] })).rejects.toMatchObject({ code: 'streamBusy' }),
    );
  });

  it('holds back, and refuses what is beyond the buffer whole', async () => {
    const peer = await connected({ maxUnsent: 200 });
    const [producer] = await producing(peer);
    const again = server.accept();
    peer.socket.terminate();
    const next = await again;
    let sent = 0;
    const sends = Array.from({ length: 4 }, (_, i) => {
      const sending = producer.send({ values: [[i]] }).then(() => {
        sent++;
      });
      return sending.catch((error: unknown) => error);
    });
    // 52 bytes each: three fit.
    expect(await sends[3]).toMatchObject({ code: 'bufferFull' });
    expect(sent).toBe(0);
    expect(producer.nextSeq).toBe(3);
    const { id } = await next.next();
    next.send(opened(id, 0));
    await Promise.all(sends);
    expect(sent).toBe(3);
  });

  it('waits while the log is full: what was sent is kept there, and an open is tried again', async () => {
    const peer = await connected();
    const [producer] = await producing(peer);
    await producer.send({ values: [[7]] });
    await peer.next();
    const flushed = producer.flush();
    const full = { type: 'error', code: 'logFull', message: 'no space', retryAfter: 20 } as const;
    peer.send({ ...full, slot: 5 });
    peer.send({ type: 'ack', slot: 5, nextSeq: 1 });
    await flushed;
    const again = server.accept([hello, welcome]);
    peer.socket.terminate();
    const next = await again;
    const { id } = await next.next();
    next.send({ ...full, id });
    const retried = await next.next();
    expect(retried).toMatchObject({ type: 'open', epoch, nextSeq: 1 });
    next.send(opened(retried.id, 1));
    await producer.send({ values: [[8]] });
    expect(await next.next()).toMatchObject({ type: 'samples', seq: 1, values: [[8]] });
  });
});

describe('a subscription', () => {
  const info = (name: string, slot: number, more: object = {}) => ({
    ...{ slot, name, epoch, channels: [], rate: 8, nextSeq: 0, model: 'm', version: 1, lag: 1 },
    ...more,
  });

  it('has only so much room for positions: the rest is told as lost, and nothing is replayed unasked', async () => {
    // Room for the positions of two.
    const limits = { ...welcome.limits, control: 16 * 1024 + 140 };
    const peer = await connected({}, [hello, { ...welcome, limits }]);
    const asking = client.subscribe({ streams: '**' });
    await peer.next();
    const streams = ['a', 'b', 'c'].map((name, i) => info(name, i, { nextSeq: 10 }));
    peer.send({ type: 'subscribed', id: 1, streams });
    const subscription = await asking;
    const again = server.accept([hello, { ...welcome, limits }]);
    peer.socket.terminate();
    const next = await again;
    const asked = await next.next();
    const at = { epoch, seq: 10 };
    expect(asked.start).toEqual({ positions: { a: at, b: at }, others: 'live' });
    next.send({
      type: 'subscribed',
      id: asked.id,
      streams: [
        info('a', 0, { nextSeq: 12, fromSeq: 10, recovered: true }),
        info('b', 1, { nextSeq: 10, recovered: true }),
        info('c', 2, { nextSeq: 15 }),
        info('d', 3, { nextSeq: 4 }),
      ],
    });
    const events = [];
    for (let i = 0; i < 3; i++) events.push((await subscription.next()).value);
    expect(events).toMatchObject([
      { type: 'subscribed' },
      { type: 'disconnected', error: { closeCode: 1006 } },
      {
        type: 'resumed',
        streams: [
          { name: 'a', recovered: true },
          { name: 'b', recovered: true },
          { name: 'c', recovered: false, lost: { fromSeq: 10, toSeq: 15, reason: 'trimmed' } },
          { name: 'd', recovered: false, lost: { fromSeq: 0, toSeq: 4, reason: 'epoch' } },
        ],
      },
    ]);
  });

  it('ends where it is refused on the new connection', async () => {
    const peer = await connected();
    const asking = client.subscribe({ streams: '**', mode: 'latest' });
    await peer.next();
    peer.send({ type: 'subscribed', id: 1, streams: [] });
    const subscription = await asking;
    const again = server.accept();
    peer.socket.terminate();
    const next = await again;
    const { id, ...asked } = await next.next();
    expect(asked).toEqual({ type: 'subscribe', streams: ['**'], mode: 'latest' });
    next.send({ type: 'error', id, code: 'limit', message: 'too many' });
    await subscription.next();
    await subscription.next();
    await expect(subscription.next()).rejects.toMatchObject({ code: 'limit' });
  });
});
