import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type ConnectOptions,
  connect,
  type FirtrendClient,
  type SubscribeOptions,
} from '../../src/client/client.ts';
import { platformSocket } from '../../src/client/socket.ts';
import type { Subscription } from '../../src/client/subscription.ts';
import type { SubscriptionEvent } from '../../src/client/subscriptionEvent.ts';
import type { SlotInfo, TrendRows } from '../../src/wire/serverMessages.ts';
import { type FakeServer, fakeServer, type Peer } from './fakeServer.ts';

const epoch = '00000000000000aa';
let server: FakeServer;
let client: FirtrendClient;
let peer: Peer;

async function start(options?: ConnectOptions): Promise<void> {
  const accepted = server.accept();
  client = await connect(server.url, { reconnect: false, ...options });
  peer = await accepted;
}

beforeEach(async () => {
  server = await fakeServer();
});

afterEach(async () => {
  await client.close();
  await server.close();
});

function info(slot: number, name: string, more: Partial<SlotInfo> = {}): SlotInfo {
  const channels = [{ name: 'x', offset: 0 }];
  return { slot, name, epoch, channels, rate: 8, nextSeq: 0, model: 'm', version: 1, lag: 2, ...more };
}

function rows(seq: number, count = 1, more: Partial<TrendRows> = {}): TrendRows {
  const trend = Float32Array.from({ length: count }, (_, i) => seq + i);
  return { seq, rows: count, channels: 1, time: seq * 125, period: 125, trend, ...more };
}

async function subscribed(
  options: Partial<SubscribeOptions>,
  ...streams: readonly SlotInfo[]
): Promise<Subscription> {
  const asked = client.subscribe({ streams: '**', ...options });
  const { id } = await peer.next();
  peer.send({ type: 'subscribed', id, streams });
  return await asked;
}

async function take(subscription: Subscription, count: number): Promise<SubscriptionEvent[]> {
  const events: SubscriptionEvent[] = [];
  while (events.length < count) {
    const { value } = await subscription.next();
    if (value) events.push(value);
  }
  return events;
}

describe('a subscription', () => {
  it('asks for what it is told to ask for', async () => {
    await start();
    const asked = client.subscribe({
      streams: ['a', 'b/*'],
      channels: ['x'],
      fields: ['trend', 'raw'],
      mode: 'latest',
      every: 4,
      minPeriod: 100,
    });
    expect(await peer.next()).toEqual({
      type: 'subscribe',
      id: 1,
      streams: ['a', 'b/*'],
      channels: ['x'],
      fields: ['trend', 'raw'],
      mode: 'latest',
      every: 4,
      minPeriod: 100,
    });
    peer.send({
      type: 'error',
      id: 1,
      code: 'unknownChannel',
      message: 'channels[0]: no',
      field: 'channels[0]',
    });
    await expect(asked).rejects.toMatchObject({ code: 'unknownChannel', field: 'channels[0]' });
  });

  it('tells all that happens, in order, by name', async () => {
    await start();
    const subscription = await subscribed({}, info(1, 'a'), info(2, 'b', { nextSeq: 7 }));
    const other = await subscribed({ streams: 'c' }, info(3, 'c'));
    peer.trend(1, rows(0, 2), { afterGap: true });
    peer.trend(3, rows(0));
    peer.trend(99, rows(0));
    const kernel = { model: 'n', version: 2, lag: 3 } as const;
    const changes = [1, 2, 3].map((slot) => ({ slot, seq: 9 }));
    peer.send({ type: 'kernel', changes, ...kernel });
    peer.send({ type: 'gap', slot: 2, fromSeq: 7, toSeq: 9, reason: 'source' });
    peer.send({ type: 'live', slot: 2, seq: 9 });
    peer.send({ type: 'stale', id: 1, slots: [1], reason: 'silent' });
    peer.send({ type: 'removed', id: 1, slots: [1], reason: 'epoch' });
    peer.trend(1, rows(2));
    peer.send({ type: 'added', id: 1, streams: [info(4, 'a')] });
    peer.send({ type: 'error', id: 1, code: 'unknownChannel', message: 'channels[0]: no' });
    const events = await take(subscription, 9);
    expect(events).toMatchObject([
      { type: 'subscribed', streams: [{ name: 'a' }, { name: 'b' }] },
      { type: 'trend', name: 'a', slot: 1, seq: 0, rows: 2, trend: Float32Array.of(0, 1), afterGap: true },
      {
        type: 'kernel',
        ...kernel,
        changes: [
          { slot: 1, name: 'a', seq: 9 },
          { slot: 2, name: 'b', seq: 9 },
        ],
      },
      { type: 'gap', name: 'b', fromSeq: 7, toSeq: 9, reason: 'source' },
      { type: 'live', name: 'b', seq: 9 },
      { type: 'stale', streams: [{ name: 'a' }] },
      { type: 'removed', streams: [{ name: 'a', slot: 1 }], reason: 'epoch' },
      { type: 'added', streams: [{ name: 'a', slot: 4 }] },
      { type: 'refused', error: { code: 'unknownChannel' } },
    ]);
    expect(subscription.streams().map(({ slot }) => slot)).toEqual([2, 4]);
    expect(await take(other, 3)).toMatchObject([
      { type: 'subscribed' },
      { type: 'trend', name: 'c' },
      { type: 'kernel', changes: [{ slot: 3 }] },
    ]);
  });

  it('has coverage where it was asked for, also where the daemon left it out', async () => {
    await start();
    const subscription = await subscribed({ fields: ['trend', 'coverage'] }, info(1, 'a'));
    peer.trend(1, rows(0, 2));
    peer.trend(1, rows(2, 1, { coverage: Float32Array.of(0.5) }));
    const [, whole, part] = await take(subscription, 3);
    expect(whole).toMatchObject({ coverage: Float32Array.of(1, 1) });
    expect(part).toMatchObject({ coverage: Float32Array.of(0.5) });
  });

  it('says where to go on: what the consumer was handed, not what has arrived', async () => {
    await start();
    const positions = { b: { epoch, seq: 3 } };
    const subscription = await subscribed(
      { start: { positions } },
      info(1, 'a', { nextSeq: 5 }),
      info(2, 'b', { nextSeq: 9, recovered: true, fromSeq: 3 }),
      info(3, 'c', { nextSeq: 4 }),
      info(4, 'd', { nextSeq: 8, recovered: false, lost: { fromSeq: 0, toSeq: 8, reason: 'epoch' } }),
    );
    peer.trend(1, rows(5, 2));
    peer.trend(2, rows(4, 3, { stride: 4 }));
    peer.send({ type: 'gap', slot: 1, fromSeq: 7, toSeq: 10, reason: 'source' });
    peer.send({
      type: 'alive',
      t: 0,
      slots: [
        [3, 6],
        [77, 5],
      ],
    });
    peer.send({ type: 'live', slot: 4, seq: 12 });
    const at = () => Object.fromEntries(Object.entries(subscription.positions()).map(([k, v]) => [k, v.seq]));
    await take(subscription, 1);
    expect(subscription.positions().b).toEqual({ epoch, seq: 3 });
    expect(at()).toEqual({ a: 5, b: 3, c: 4, d: 8 });
    await sleep(30);
    expect(at()).toEqual({ a: 5, b: 3, c: 4, d: 8 });
    await take(subscription, 1);
    expect(at()).toEqual({ a: 7, b: 3, c: 4, d: 8 });
    await take(subscription, 1);
    // The last of the rows 4, 8, 12: what follows it is 13.
    expect(at()).toEqual({ a: 7, b: 13, c: 4, d: 8 });
    await take(subscription, 1);
    expect(at()).toEqual({ a: 10, b: 13, c: 4, d: 8 });
    await take(subscription, 1);
    expect(at()).toEqual({ a: 10, b: 13, c: 6, d: 12 });
  });

  it('ends when its loop is left: frames on their way are nobody’s', async () => {
    await start();
    const subscription = await subscribed({}, info(1, 'a'));
    peer.trend(1, rows(0));
    const left = (async () => {
      for await (const event of subscription) if (event.type === 'trend') break;
    })();
    expect(await peer.next()).toEqual({ type: 'unsubscribe', id: 2, subscription: 1 });
    peer.trend(1, rows(1));
    peer.send({ type: 'unsubscribed', id: 2, subscription: 1 });
    await left;
    expect(await subscription.next()).toEqual({ done: true, value: undefined });
    await subscription.close();
    expect(peer.waiting).toBe(0);
  });

  it('hands out what has arrived, then throws why the connection ended', async () => {
    await start();
    const subscription = await subscribed({}, info(1, 'a'));
    peer.trend(1, rows(0));
    peer.socket.close(4001, 'too slow');
    await client.closed;
    expect(await take(subscription, 2)).toMatchObject([{ type: 'subscribed' }, { type: 'trend' }]);
    await expect(subscription.next()).rejects.toMatchObject({ code: 'tooSlow', closeCode: 4001 });
    expect(subscription.positions()).toEqual({ a: { epoch, seq: 1 } });
  });

  it('ends quietly when we close', async () => {
    await start();
    const subscription = await subscribed({}, info(1, 'a'));
    const consumed = (async () => {
      let events = 0;
      for await (const _ of subscription) events++;
      return events;
    })();
    await sleep(20);
    await client.close();
    expect(await consumed).toBe(1);
  });
});

describe('a slow consumer', () => {
  const kilobytes = rows(0, 2560);

  it('stops the socket, which goes on when it has caught up; silence then says nothing', async () => {
    await start({ highWater: 100_000 });
    const subscription = await subscribed({}, info(1, 'a'));
    let sent = 0;
    const flood = async () => {
      for (; sent < 1000; sent++) {
        const text = { ...kilobytes, seq: sent * 2560 };
        peer.trend(1, text);
        if (peer.socket.bufferedAmount > 65_536) {
          await vi.waitFor(() => expect(peer.socket.bufferedAmount).toBeLessThan(65_536), {
            timeout: 30_000,
          });
        }
      }
    };
    const flooding = flood();
    await sleep(600);
    const before = sent;
    await sleep(300);
    // Nobody takes anything: the daemon feels it.
    expect(sent).toBe(before);
    expect(before).toBeLessThan(1000);
    let next = 0;
    for (const event of await take(subscription, 1001)) {
      if (event.type !== 'trend') continue;
      expect(event.seq).toBe(next);
      next = event.seq + event.rows;
    }
    expect(next).toBe(1000 * 2560);
    await flooding;
  }, 30_000);

  it('goes on reading while somebody waits for a reply on the same connection', async () => {
    await start({ highWater: 1000 });
    const subscription = await subscribed({}, info(1, 'a'));
    peer.trend(1, kilobytes);
    await sleep(50);
    const asked = client.streams();
    const { id } = await peer.next();
    peer.trend(1, kilobytes);
    peer.send({ type: 'streams', id, streams: [] });
    await asked;
    expect(await take(subscription, 3)).toHaveLength(3);
  });

  it('loses its subscription at the limit where the socket cannot pause', async () => {
    const deaf: typeof platformSocket = async (url, protocols) => {
      const socket = await platformSocket(url, protocols);
      return Object.assign(socket, { pause: undefined, resume: undefined });
    };
    await start({ highWater: 1000, maxQueue: 30_000, socket: deaf });
    const subscription = await subscribed({}, info(1, 'a'));
    for (let i = 0; i < 4; i++) peer.trend(1, kilobytes);
    expect(await peer.next()).toMatchObject({ type: 'unsubscribe', subscription: 1 });
    peer.send({ type: 'unsubscribed', id: 2, subscription: 1 });
    await expect(subscription.next()).rejects.toMatchObject({ code: 'tooSlow', closeCode: undefined });
    // The connection itself goes on.
    const again = await subscribed({}, info(2, 'a'));
    expect(await take(again, 1)).toMatchObject([{ type: 'subscribed' }]);
  });
});
