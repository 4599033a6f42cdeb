import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { defaultLimits, type Limits } from '../../src/daemon/limits.ts';
import { anyone } from '../../src/daemon/principal.ts';
import { memoryLog } from '../../src/log/memoryLog.ts';
import { startDaemon } from '../support/daemon.ts';
import { http, httpOf, post } from '../support/http.ts';
import { type RawClient, type RawMessage, type RawSubprotocol, rawClient } from '../support/rawClient.ts';

const open = { type: 'open', stream: 's', channels: [{ name: 'x' }], rate: 10 };
const channels = (count: number) => Array.from({ length: count }, (_, c) => ({ name: `c${c}` }));
const ones = (count: number): number[] => new Array(count).fill(1);

async function client(limits: Partial<Limits>, subprotocol?: RawSubprotocol): Promise<RawClient> {
  const { url } = await startDaemon({ limits });
  return rawClient(url, subprotocol && { subprotocol });
}

const error = (from: RawClient): Promise<RawMessage> => from.until(({ type }) => type === 'error');
const limited = (what: string | RegExp) => ({
  type: 'error',
  code: 'limit',
  message: expect.stringMatching(what),
});

/** Each at the limit and beyond it, through a socket; typed so that a limit without a test is an error. */
const limitTests: Record<keyof Limits, () => Promise<void>> = {
  async connections() {
    const { url } = await startDaemon({ limits: { connections: 2 } });
    const [first] = await Promise.all([rawClient(url), rawClient(url)]);
    const third = await rawClient(url, { first: 'nothing' });
    expect(await third.closed).toEqual({ code: 4503, reason: 'limits.connections: at most 2' });
    first.socket.close();
    await first.closed;
    await rawClient(url);
  },

  async subscriptionsPerConnection() {
    const c = await client({ subscriptionsPerConnection: 2 });
    await c.ask({ type: 'subscribe', id: 1, streams: ['a'] });
    await c.ask({ type: 'subscribe', id: 2, streams: ['a'] });
    expect(await c.ask({ type: 'subscribe', id: 3, streams: ['a'] })).toMatchObject(
      limited(/^streams: expected at most 2 subscriptions \(limits\.subscriptionsPerConnection\), got 3$/),
    );
    await c.ask({ type: 'unsubscribe', id: 4, subscription: 1 });
    expect(await c.ask({ type: 'subscribe', id: 5, streams: ['a'] })).toMatchObject({ type: 'subscribed' });
  },

  async streams() {
    const c = await client({ streams: 2 });
    const answers = await Promise.all(['a', 'b', 'c'].map((stream) => c.ask({ ...open, stream })));
    expect(answers).toMatchObject([
      { type: 'opened' },
      { type: 'opened' },
      limited(/^stream: expected at most 2 streams \(limits\.streams\), got c as one more$/),
    ]);
    await c.ask({ type: 'close', slot: answers[0]!.slot });
    // One that there is already is not one more.
    expect(await c.ask({ ...open, stream: 'a' })).toMatchObject({ type: 'opened' });
  },

  async streamsPerConnection() {
    const c = await client({ streamsPerConnection: 2 });
    const { slot } = await c.ask({ ...open, stream: 'a' });
    await c.ask({ ...open, stream: 'b' });
    expect(await c.ask({ ...open, stream: 'c' })).toMatchObject(
      limited(/expected at most 2 streams fed by one connection \(limits\.streamsPerConnection\), got 3/),
    );
    await c.ask({ type: 'close', slot });
    expect(await c.ask({ ...open, stream: 'c' })).toMatchObject({ type: 'opened' });
  },

  async channels() {
    for (const subprotocol of ['firtrend.v1.json', 'firtrend.v1.bin'] as const) {
      const c = await client({ channels: 3 }, subprotocol);
      expect(await c.ask({ ...open, channels: channels(4) })).toMatchObject(
        limited(/^channels: expected at most 3 channels of a stream \(limits\.channels\), got 4$/),
      );
      const { slot } = await c.ask({ ...open, channels: channels(3) });
      c.samples({ slot, values: [[1], [1], [1], [1]] });
      expect(await c.until((m) => m.slot === slot && m.type === 'error')).toMatchObject(
        limited(/1 to 3.*\(limits\.channels\)/),
      );
      c.samples({ slot, values: [[1], [1], [1]] });
      await c.until((m) => m.type === 'ack' && m.nextSeq === 1);
    }
  },

  async rows() {
    for (const subprotocol of ['firtrend.v1.json', 'firtrend.v1.bin'] as const) {
      const c = await client({ rows: 5 }, subprotocol);
      const { slot } = await c.ask(open);
      c.samples({ slot, values: [ones(6)] });
      expect(await error(c)).toMatchObject({
        slot,
        ...limited(/expected 1 to 5.* \(limits\.rows\), got 6$/),
      });
      c.samples({ slot, values: [ones(5)] });
      await c.until((m) => m.type === 'ack' && m.nextSeq === 5);
    }
  },

  async messageBytes() {
    const text = (bytes: number): string => `{"type":"alive","t":${' '.repeat(bytes - 22)}0}`;
    expect(text(1000)).toHaveLength(1000);
    const c = await client({ messageBytes: 1000 });
    c.socket.send(text(1000));
    await c.until((m) => m.type === 'alive' && m.echo === 0);
    c.socket.send(text(1001));
    expect(await c.closed).toMatchObject({
      code: 1009,
      reason: expect.stringContaining('(limits.messageBytes)'),
    });
    const bin = await client({ messageBytes: 48 + 4 * 10 }, 'firtrend.v1.bin');
    const { slot } = await bin.ask(open);
    bin.samples({ slot, values: [ones(10)] });
    await bin.until((m) => m.type === 'ack' && m.nextSeq === 10);
    bin.samples({ slot, values: [ones(11)] });
    expect((await bin.closed).code).toBe(1009);
  },

  async controlBytes() {
    const c = await client({ controlBytes: 200 });
    const message = (bytes: number, id: number): string => {
      const text = `{"type":"streams","id":${id}`;
      return `${text}${' '.repeat(bytes - text.length - 1)}}`;
    };
    c.socket.send(message(201, 1));
    expect(await c.until((m) => m.id === 1)).toMatchObject(
      limited(
        /expected at most 200 bytes for a message that is not samples \(limits\.controlBytes\), got 201/,
      ),
    );
    c.socket.send(message(200, 2));
    expect(await c.until((m) => m.id === 2)).toMatchObject({ type: 'streams' });
    // Samples are another matter.
    const { slot } = await c.ask({ ...open, id: 3 });
    c.samples({ slot, values: [ones(150)] });
    await c.until((m) => m.type === 'ack' && m.nextSeq === 150);
  },

  async jsonDepth() {
    const c = await client({ jsonDepth: 3 });
    const nested = (depth: number): string =>
      `{"type":"x","id":1,"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
    c.socket.send(nested(3));
    expect(await error(c)).toMatchObject({ code: 'badMessage', id: 1, field: 'type' });
    c.socket.send(nested(4));
    expect(await c.closed).toMatchObject({
      code: 4500,
      reason: expect.stringContaining('at most 3 deep (limits.jsonDepth)'),
    });
  },

  async messagesPerSecond() {
    // A burst of a second's worth goes through, the rest at the rate; nothing is dropped.
    const c = await client({ messagesPerSecond: 100 });
    const { slot } = await c.ask(open);
    const began = performance.now();
    for (let seq = 0; seq < 160; seq++) c.samples({ slot, seq, values: [[seq]] });
    await c.until((m) => m.type === 'ack' && m.nextSeq >= 90);
    expect(performance.now() - began).toBeLessThan(400);
    await c.until((m) => m.type === 'ack' && m.nextSeq === 160);
    expect(performance.now() - began).toBeGreaterThan(400);
  },

  async controlPerSecond() {
    const c = await client({ controlPerSecond: 50 });
    const { slot } = await c.ask(open);
    const began = performance.now();
    // Samples do not count here.
    for (let seq = 0; seq < 500; seq++) c.samples({ slot, seq, values: [[seq]] });
    await c.until((m) => m.type === 'ack' && m.nextSeq === 500);
    for (let id = 10; id < 90; id++) c.send({ type: 'streams', id });
    await c.until((m) => m.id === 89);
    expect(performance.now() - began).toBeGreaterThan(400);
    expect(c.messages.filter(({ type }) => type === 'streams')).toHaveLength(80);
  },

  async rateGraceMs() {
    const c = await client({ messagesPerSecond: 50, rateGraceMs: 500 });
    // Too fast for less than that: it may go on.
    for (let id = 1; id <= 65; id++) c.send({ type: 'streams', id });
    await c.until((m) => m.id === 65);
    await sleep(700);
    c.send({ type: 'streams', id: 66 });
    await c.until((m) => m.id === 66);
    // For longer: it is closed.
    const began = performance.now();
    for (let id = 100; id <= 400; id++) c.send({ type: 'streams', id });
    expect(await c.closed).toMatchObject({
      code: 4005,
      reason: expect.stringContaining('(limits.messagesPerSecond)'),
    });
    expect(performance.now() - began).toBeGreaterThan(400);
  },

  async authTimeoutMs() {
    const { url } = await startDaemon({ authenticate: async () => anyone, limits: { authTimeoutMs: 300 } });
    const [silent, timely] = await Promise.all([
      rawClient(url, { first: 'hello' }),
      rawClient(url, { first: 'hello' }),
    ]);
    await sleep(100);
    await timely.ask({ type: 'auth', token: 'any' });
    expect(await silent.closed).toMatchObject({
      code: 4505,
      reason: expect.stringContaining('(limits.authTimeoutMs)'),
    });
    await sleep(300);
    expect(await timely.ask({ type: 'streams' })).toMatchObject({ type: 'streams' });
  },

  async windowBytes() {
    const c = await client({ windowBytes: 1000 });
    const opened = await c.ask(open);
    expect(opened.window).toBe(1000);
    // A message of more than the window goes alone, and many of them go one after another.
    for (let n = 0; n < 20; n++) c.samples({ slot: opened.slot, values: [ones(700)] });
    await c.until((m) => m.type === 'ack' && m.nextSeq === 14_000);
    const acks = c.messages.filter(({ type }) => type === 'ack');
    expect(acks.length).toBeGreaterThan(5);
  },

  async outboundBytes() {
    // Beyond the budget a lossless subscriber is served from the log: its frames are marked.
    for (const [outboundBytes, replays] of [
      [64 * 1024 * 1024, false],
      [16 * 1024, true],
    ] as const) {
      const { url } = await startDaemon({ limits: { outboundBytes } });
      const [producer, slow] = await Promise.all([rawClient(url), rawClient(url)]);
      const { slot } = await producer.ask({ ...open, channels: channels(16) });
      await slow.ask({ type: 'subscribe', streams: ['s'] });
      slow.socket.pause();
      const values = Array.from({ length: 16 }, () => Array.from({ length: 500 }, (_, i) => Math.sin(i)));
      for (let seq = 0; seq < 60_000; seq += 500) producer.samples({ slot, seq, values });
      await producer.until((m) => m.type === 'ack' && m.nextSeq === 60_000, 20);
      slow.socket.resume();
      await slow.until((m) => m.type === 'trend' && m.seq + m.trend[0].length === 60_000, 20);
      expect(slow.messages.some(({ type, replay }) => type === 'trend' && replay === true)).toBe(replays);
    }
  },

  async historiesAtOnce() {
    const { url } = await startDaemon({ limits: { historiesAtOnce: 1 } });
    const wide = channels(64);
    for (let i = 0; i < 50; i++) {
      const values = wide.map(() => new Array(200).fill(0.123456));
      await post(url, '/v1/streams/s/samples', { channels: wide, rate: 1, values });
    }
    const history = '/v1/streams/s/history';
    const slow = await fetch(httpOf(url) + history);
    expect(await http(url, history)).toMatchObject({
      status: 503,
      json: { code: 'limit', message: 'limits.historiesAtOnce: expected at most 1 at once, got one more' },
    });
    expect(((await slow.json()) as { toSeq: number }).toSeq).toBe(10_000);
    await expect.poll(async () => (await http(url, history)).status).toBe(200);
  },

  async uploadsAtOnce() {
    let release: () => void = () => undefined;
    const log = memoryLog({
      hook: (edge) => (edge === 'before' ? new Promise<void>((resolve) => (release = resolve)) : undefined),
    });
    const { url } = await startDaemon({ log, limits: { uploadsAtOnce: 1 } });
    const upload = (stream: string) =>
      post(url, `/v1/streams/${stream}/samples`, { channels: [{ name: 'x' }], rate: 1, values: [[1]] });
    const first = upload('a');
    await sleep(100);
    const refused = await upload('b');
    expect(refused).toMatchObject({ status: 503, json: { code: 'limit' } });
    expect(refused.json.message).toMatch(/^limits\.uploadsAtOnce: expected at most 1/);
    expect(refused.headers.get('retry-after')).toBe('1');
    release();
    expect((await first).status).toBe(200);
    const second = upload('b');
    await sleep(100);
    release();
    expect((await second).status).toBe(200);
  },

  async controlBacklogBytes() {
    // The way beyond is in closeCodes.test.ts; here a backlog below the limit does no harm.
    const { url } = await startDaemon({ limits: { controlBacklogBytes: 64 * 1024 * 1024 } });
    const [producer, slow] = await Promise.all([rawClient(url), rawClient(url)]);
    await slow.ask({ type: 'subscribe', streams: ['**'] });
    slow.socket.pause();
    const names = channels(200).map(({ name }) => ({ name: name.padEnd(128, '-') }));
    for (let n = 0; n < 300; n++) await producer.ask({ ...open, stream: `wide/${n}`, channels: names });
    slow.socket.resume();
    await slow.until(
      (m) => m.type === 'added' && m.streams.some((s: { name: string }) => s.name === 'wide/299'),
      20,
    );
    expect(slow.messages.filter(({ type }) => type === 'added')).toHaveLength(300);
  },
};

describe('every limit, at it and beyond', () => {
  test.each(Object.keys(defaultLimits) as (keyof Limits)[])('%s', async (name) => {
    await limitTests[name]();
  });
});

describe('the limits there are without a word', () => {
  test('1,024 channels and 65,536 rows are taken, one more is not', async () => {
    const c = await client({}, 'firtrend.v1.bin');
    expect(await c.ask({ ...open, stream: 'wide', channels: channels(1025) })).toMatchObject(limited(/1024/));
    expect(await c.ask({ ...open, stream: 'wide', channels: channels(1024) })).toMatchObject({
      type: 'opened',
    });
    const { slot } = await c.ask(open);
    c.samples({ slot, values: [ones(65_536)] });
    await c.until((m) => m.type === 'ack' && m.nextSeq === 65_536);
    c.samples({ slot, values: [ones(65_537)] });
    expect(await error(c)).toMatchObject({ code: 'limit' });
  });
});
