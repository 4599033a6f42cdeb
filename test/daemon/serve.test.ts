import { describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { referenceTrend } from '../../src/dsp/reference.ts';
import { memoryLog } from '../../src/log/memoryLog.ts';
import { startDaemon, testTaps } from '../support/daemon.ts';
import { repositoryWith } from '../support/models.ts';
import { type RawClient, type RawMessage, rawClient } from '../support/rawClient.ts';

const kernel = { taps: Float64Array.from(testTaps), bias: 0 };
const open = { type: 'open', stream: 's', channels: [{ name: 'x' }], rate: 10 };

function samples(slot: number, seq: number, ...values: (number | null)[]): object {
  return { type: 'samples', slot, seq, values: [values] };
}

/** The rows of one slot, by seq: what was received as trend (or raw). */
function received(client: RawClient, slot: number, field = 'trend'): Map<number, number | null> {
  const rows = new Map<number, number | null>();
  for (const message of client.messages) {
    if (message.type !== 'trend' || message.slot !== slot) continue;
    const stride: number = message.stride ?? 1;
    (message[field][0] as (number | null)[]).forEach((value, i) => {
      const seq: number = message.seq + i * stride;
      expect(rows.has(seq), `seq ${seq} came twice`).toBe(false);
      rows.set(seq, value);
    });
  }
  return rows;
}

const reaches = (slot: number, nextSeq: number) => (m: RawMessage) =>
  m.type === 'trend' && m.slot === slot && m.seq + m.trend[0].length * (m.stride ?? 1) >= nextSeq;

test('the handshake, a stream, its trends: the values are those of the float64 reference', async () => {
  const { url } = await startDaemon();
  const client = await rawClient(url);
  expect(client.messages.map(({ type }) => type)).toEqual(['hello', 'welcome']);
  expect(client.messages[1]).toMatchObject({
    durability: 'memory',
    lossWindow: null,
    device: { provider: 'cpu', exact: true },
  });
  const subscribed = await client.ask({ type: 'subscribe', streams: ['**'], fields: ['trend', 'coverage'] });
  expect(subscribed).toMatchObject({ type: 'subscribed', streams: [] });
  const { slot } = await client.ask(open);
  const added = await client.until(({ type }) => type === 'added');
  expect(added).toMatchObject({
    id: subscribed.id,
    streams: [{ name: 's', nextSeq: 0, model: 'test', version: 1 }],
  });
  const x = [3, -1, null, 7.25, 1e6, 0.1, 5, 5, 5, 5, 5, 5];
  client.send(samples(slot, 0, ...x.slice(0, 5)));
  client.send(samples(slot, 5, ...x.slice(5)));
  await client.until((m) => m.type === 'ack' && m.nextSeq === 12);
  const down: number = added.streams[0].slot;
  await client.until(reaches(down, 12));
  const reference = referenceTrend(
    x.map((v) => Math.fround(v ?? Number.NaN)),
    kernel,
  );
  const coverage = received(client, down, 'coverage');
  for (const [seq, value] of received(client, down)) {
    expect(Math.abs(value! - reference.trend[seq]!)).toBeLessThan(1e6 * 1e-6);
    expect(coverage.get(seq)!).toBeCloseTo(reference.coverage[seq]!, 6);
  }
  expect(received(client, down).size).toBe(12);
});

describe('nothing leaves before its commit', () => {
  test('neither ack nor trend nor opened, until the log says so', async () => {
    let release: () => void = () => undefined;
    let hold = false;
    const log = memoryLog({
      hook: (edge) =>
        edge === 'before' && hold ? new Promise<void>((resolve) => (release = resolve)) : undefined,
    });
    const { url } = await startDaemon({ log });
    const [producer, watcher] = await Promise.all([rawClient(url), rawClient(url)]);
    const { slot } = await producer.ask(open);
    await watcher.ask({ type: 'subscribe', streams: ['s'], fields: ['raw', 'trend'] });
    hold = true;
    producer.send(samples(slot, 0, 1, 2, 3));
    producer.send({ type: 'open', id: 77, stream: 'other', channels: [{ name: 'y' }], rate: 5 });
    await new Promise((resolve) => setTimeout(resolve, 150));
    const leaky = ['ack', 'trend', 'opened'];
    expect(producer.messages.filter(({ type, id }) => leaky.includes(type) && id !== 1)).toEqual([]);
    expect(watcher.messages.filter(({ type }) => leaky.includes(type))).toEqual([]);
    expect(log.head('s')?.nextSeq).toBe(0);
    hold = false;
    release();
    await producer.until(({ type }) => type === 'ack');
    await producer.until(({ id, type }) => id === 77 && type === 'opened');
    await watcher.until(({ type }) => type === 'trend');
  });

  test('a commit that fails is never acknowledged or published, and ends the daemon', async () => {
    let failing = false;
    const log = memoryLog({
      hook: (edge) => {
        if (failing && edge === 'before') throw new Error('injected: the disk is gone');
      },
    });
    const daemon = await startDaemon({ log });
    const client = await rawClient(daemon.url);
    const { slot } = await client.ask(open);
    await client.ask({ type: 'subscribe', streams: ['s'] });
    failing = true;
    client.send(samples(slot, 0, 1, 2, 3));
    await expect(daemon.failed).rejects.toThrow('injected: the disk is gone');
    expect((await client.closed).code).toBe(4006);
    const http = daemon.url.replace('ws:', 'http:').replace('/v1', '');
    expect((await fetch(`${http}/readyz`)).status).toBe(503);
    await expect(rawClient(daemon.url)).rejects.toThrow('503');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(client.messages.filter(({ type }) => type === 'ack' || type === 'trend')).toEqual([]);
  });
});

test('a producer that is owed acknowledgements for more than its window is not read, then goes on', async () => {
  let release: () => void = () => undefined;
  let hold = false;
  const log = memoryLog({
    hook: (edge) =>
      edge === 'before' && hold ? new Promise<void>((resolve) => (release = resolve)) : undefined,
  });
  const { url } = await startDaemon({ log });
  const client = await rawClient(url);
  const { slot, window } = await client.ask(open);
  hold = true;
  const rows = new Array(10_000).fill(0.123456);
  const frames = 200;
  let seq = 0;
  for (let i = 0; i < frames; i++, seq += rows.length) client.send(samples(slot, seq, ...rows));
  const sent = JSON.stringify(samples(slot, 0, ...rows)).length * frames;
  await new Promise((resolve) => setTimeout(resolve, 300));
  // What is not here still is at most the window, a frame, and what sockets and the kernel hold of a few MiB.
  expect(client.socket.bufferedAmount).toBeGreaterThan(sent - window - 8 * 1024 * 1024);
  hold = false;
  release();
  await client.until((m) => m.type === 'ack' && m.nextSeq === seq);
  expect(client.socket.bufferedAmount).toBe(0);
});

describe('recovery', () => {
  test('a replay from any position gives the same bits as live did, marked, then live goes on', async () => {
    const { url } = await startDaemon();
    const client = await rawClient(url);
    const { slot, epoch } = await client.ask(open);
    const live = await client.ask({ type: 'subscribe', streams: ['s'] });
    const liveSlot: number = live.streams[0].slot;
    for (let seq = 0; seq < 60; seq += 4) {
      if (seq === 20) continue;
      client.send(samples(slot, seq, ...[0, 1, 2, 3].map((i) => Math.sin(seq + i) * 1000)));
    }
    await client.until(reaches(liveSlot, 60));
    for (const from of [0, 1, 17, 20, 22, 59, 60]) {
      const other = await rawClient(url);
      const start = { positions: { s: { epoch, seq: from } } };
      const { streams } = await other.ask({ type: 'subscribe', streams: ['s'], start });
      expect(streams[0]).toMatchObject({ recovered: true, nextSeq: 60 });
      const again: number = streams[0].slot;
      if (from < 60) {
        const end = await other.until(({ type }) => type === 'live');
        expect(end).toMatchObject({ slot: again, seq: 60 });
      }
      const expected = [...received(client, liveSlot)].filter(([seq]) => seq >= from);
      expect([...received(other, again)]).toEqual(expected);
      expect(other.messages.filter((m) => m.type === 'trend' && m.replay !== true)).toEqual([]);
      const gap = other.messages.find(({ type }) => type === 'gap');
      if (from < 24)
        expect(gap).toMatchObject({ fromSeq: Math.max(from, 20), toSeq: 24, reason: 'source', replay: true });
      else expect(gap).toBeUndefined();
    }
  });

  test('all or nothing: another epoch and trimmed samples are told as lost, a position ahead is an error', async () => {
    const log = memoryLog();
    const { url } = await startDaemon({ log, retentionBytes: 4000 });
    const client = await rawClient(url);
    const { slot, epoch } = await client.ask(open);
    for (let seq = 0; seq < 3000; seq += 100) client.send(samples(slot, seq, ...new Array(100).fill(1)));
    await client.until((m) => m.type === 'ack' && m.nextSeq === 3000);
    const at = (seq: number, of = epoch) => ({
      type: 'subscribe',
      streams: ['s'],
      start: { positions: { s: { epoch: of, seq } } },
    });
    expect((await client.ask(at(5, 'ffffffffffffffff'))).streams[0]).toMatchObject({
      recovered: false,
      lost: { fromSeq: 0, toSeq: 3000, reason: 'epoch' },
    });
    expect((await client.ask(at(5))).streams[0]).toMatchObject({
      recovered: false,
      lost: { fromSeq: 5, toSeq: 3000, reason: 'trimmed' },
    });
    expect((await client.ask(at(2999))).streams[0]).toMatchObject({ recovered: true });
    expect(await client.ask(at(3001))).toMatchObject({ type: 'error', code: 'seqAboveHead' });
  });
});

test('a subscriber that stops reading costs a bounded number of bytes, then gets every row once, in order', async () => {
  const { url } = await startDaemon();
  const [producer, slow] = await Promise.all([rawClient(url), rawClient(url)]);
  const channels = Array.from({ length: 16 }, (_, c) => ({ name: `c${c}` }));
  const { slot } = await producer.ask({ ...open, channels });
  const { streams } = await slow.ask({ type: 'subscribe', streams: ['s'], fields: ['trend'] });
  slow.socket.pause();
  const rows = 500;
  const total = 60_000;
  for (let seq = 0; seq < total; seq += rows) {
    const values = channels.map((_, c) => Array.from({ length: rows }, (_, i) => Math.cos(c + seq + i)));
    producer.send({ type: 'samples', slot, seq, values });
  }
  await producer.until((m) => m.type === 'ack' && m.nextSeq === total);
  slow.socket.resume();
  await slow.until(({ type }) => type === 'live');
  const seqs = [...received(slow, streams[0].slot).keys()];
  expect(seqs).toHaveLength(total);
  expect(seqs.every((seq, i) => seq === i)).toBe(true);
  expect(slow.messages.some(({ type }) => type === 'gap')).toBe(false);
});

test('latest: at most one row each minPeriod, always the newest, and the last one does come', async () => {
  const { url } = await startDaemon();
  const client = await rawClient(url);
  const { slot } = await client.ask(open);
  const { streams } = await client.ask({
    type: 'subscribe',
    streams: ['s'],
    mode: 'latest',
    minPeriod: 60,
    fields: ['raw', 'trend'],
  });
  const began = performance.now();
  for (let seq = 0; seq < 200; seq += 2) {
    client.send(samples(slot, seq, seq, seq + 1));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await client.until((m) => m.type === 'trend' && m.seq === 199);
  const elapsed = performance.now() - began;
  const rows = [...received(client, streams[0].slot, 'raw')];
  expect(rows.every(([seq, value]) => seq === value)).toBe(true);
  expect(rows.length).toBeGreaterThan(1);
  expect(rows.length).toBeLessThanOrEqual(elapsed / 60 + 2);
});

test('every n keeps rows with seq % n = 0, also on replay, and channels come in the order asked for', async () => {
  const { url } = await startDaemon();
  const client = await rawClient(url);
  const { slot, epoch } = await client.ask({
    ...open,
    channels: [{ name: 'x' }, { name: 'y' }, { name: 'z' }],
  });
  const view = {
    type: 'subscribe',
    streams: ['s'],
    every: 3,
    channels: ['z', 'x'],
    fields: ['raw', 'trend'],
  };
  const live = await client.ask(view);
  expect(live.streams[0].channels.map(({ name }: { name: string }) => name)).toEqual(['z', 'x']);
  for (let seq = 0; seq < 20; seq += 5) {
    const row = [0, 1, 2, 3, 4].map((i) => seq + i);
    client.send({
      type: 'samples',
      slot,
      seq,
      values: [row, row.map((v) => v + 100), row.map((v) => v + 200)],
    });
  }
  await client.until((m) => m.type === 'ack' && m.nextSeq === 20);
  const again = await client.ask({ ...view, start: { positions: { s: { epoch, seq: 0 } } } });
  await client.until(({ type }) => type === 'live');
  for (const of of [live, again]) {
    const frames = client.messages.filter((m) => m.type === 'trend' && m.slot === of.streams[0].slot);
    expect(frames.flatMap((m) => m.raw[0])).toEqual([200, 203, 206, 209, 212, 215, 218]);
    expect(frames.flatMap((m) => m.raw[1])).toEqual([0, 3, 6, 9, 12, 15, 18]);
    expect(frames.every((m) => m.stride === 3 && m.period === 300)).toBe(true);
  }
});

describe('what the daemon refuses, by name', () => {
  test.each([
    ['a slot that was not opened', samples(9, 0, 1), { code: 'unknownSlot', slot: 9 }],
    [
      'an unknown subscription',
      { type: 'unsubscribe', id: 5, subscription: 4 },
      { code: 'unknownSubscription', id: 5 },
    ],
    [
      'a stream name that is a path',
      { ...open, id: 6, stream: '../etc' },
      { code: 'badMessage', field: 'stream', id: 6 },
    ],
    ['an unknown field', { ...open, id: 7, colour: 'red' }, { code: 'badMessage', id: 7 }],
  ])('%s', async (_name, message, error) => {
    const { url } = await startDaemon();
    const client = await rawClient(url);
    client.send(message);
    expect(await client.until(({ type }) => type === 'error')).toMatchObject(error);
  });

  test('a frame of the wrong size, and the stream goes on', async () => {
    const { url } = await startDaemon();
    const client = await rawClient(url);
    const { slot } = await client.ask(open);
    client.send({ type: 'samples', slot, seq: 0, values: [[1], [2]] });
    const error = await client.until(({ type }) => type === 'error');
    expect(error).toMatchObject({
      code: 'frameSize',
      slot,
      message: expect.stringMatching(/expected 1 channels.*got 2/),
    });
    client.send(samples(slot, 0, 5));
    expect(await client.until(({ type }) => type === 'ack')).toMatchObject({ nextSeq: 1 });
  });

  test('a device that counts from 0 again without quoting the epoch', async () => {
    const { url } = await startDaemon();
    const client = await rawClient(url);
    const first = await client.ask(open);
    client.send(samples(first.slot, 0, 1, 2, 3));
    await client.ask({ type: 'close', slot: first.slot });
    const second = await client.ask(open);
    expect(second).toMatchObject({ epoch: first.epoch, nextSeq: 3 });
    expect(second.slot).not.toBe(first.slot);
    client.send(samples(second.slot, 0, 1, 2, 3));
    expect(await client.until(({ type }) => type === 'error')).toMatchObject({
      code: 'seqBelowHead',
      slot: second.slot,
    });
  });

  test('an id that does not grow ends the connection with 4504, what is no JSON with 4500', async () => {
    const { url } = await startDaemon();
    const [a, b] = await Promise.all([rawClient(url), rawClient(url)]);
    await a.ask({ type: 'streams', id: 10 });
    a.send({ type: 'streams', id: 10 });
    expect((await a.closed).code).toBe(4504);
    b.socket.send('{"type":');
    expect((await b.closed).code).toBe(4500);
  });

  test('the id of a refused message is used up', async () => {
    const { url } = await startDaemon();
    const client = await rawClient(url);
    client.send({ ...open, id: 5, rate: 0 });
    client.send({ type: 'streams', id: 5 });
    expect((await client.closed).code).toBe(4504);
    expect(client.messages.filter(({ id }) => id === 5)).toMatchObject([{ type: 'error' }]);
  });

  test('what follows on the heels of a fatal message changes nothing any more', async () => {
    const { url } = await startDaemon();
    const [bad, watcher] = await Promise.all([rawClient(url), rawClient(url)]);
    const { slot } = await bad.ask(open);
    bad.socket.send('{"type":');
    bad.send(samples(slot, 0, 1, 2, 3));
    bad.send({ ...open, id: 9, stream: 'ghost' });
    expect((await bad.closed).code).toBe(4500);
    const { streams } = await watcher.ask({ type: 'streams' });
    expect(streams).toMatchObject([{ name: 's', nextSeq: 0 }]);
    expect(streams).toHaveLength(1);
  });

  test('no subprotocol of ours: HTTP 400 with the list', async () => {
    const { url } = await startDaemon();
    const answer = await new Promise<number | undefined>((resolve) => {
      const socket = new WebSocket(url, 'mqtt');
      socket
        .on('unexpected-response', (_request, response) => resolve(response.statusCode))
        .on('error', () => undefined);
    });
    expect(answer).toBe(400);
  });

  test('an address that is not loopback, without --insecure', async () => {
    await expect(startDaemon({ host: '0.0.0.0' })).rejects.toMatchObject({ code: 'insecureAddress' });
  });
});

test('the last acknowledgement comes before closed, and a lost connection frees its streams at once', async () => {
  const { url } = await startDaemon();
  const [first, second] = await Promise.all([rawClient(url), rawClient(url)]);
  const { slot } = await first.ask(open);
  first.send(samples(slot, 0, 1, 2, 3));
  first.send({ type: 'close', id: 50, slot });
  await first.until(({ type }) => type === 'closed');
  expect(first.messages.slice(-2)).toMatchObject([
    { type: 'ack', nextSeq: 3 },
    { type: 'closed', id: 50, slot },
  ]);
  await first.ask({ ...open, id: 60 });
  expect(await second.ask(open)).toMatchObject({ type: 'error', code: 'streamBusy' });
  first.socket.terminate();
  await first.closed;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await second.ask(open)).toMatchObject({ type: 'opened', nextSeq: 3 });
});

test('a client that has gone silent is gone within two heartbeats: its stream is free', async () => {
  const { url } = await startDaemon({ ping: { interval: 100, timeout: 100 } });
  const ghost = await rawClient(url);
  await ghost.ask(open);
  // It reads nothing and answers nothing, not even a close.
  ghost.socket.pause();
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(await (await rawClient(url)).ask(open)).toMatchObject({ type: 'opened' });
});

describe('streams the model does not serve run raw only and say why', () => {
  test('another rate; one within 1 % is served', async () => {
    const { url } = await startDaemon({ models: await repositoryWith(testTaps, { rate: 64 }) });
    const client = await rawClient(url);
    await client.ask({ ...open, stream: 'near', rate: 64.5 });
    const { slot } = await client.ask({ ...open, stream: 'far', rate: 65 });
    const { streams } = await client.ask({ type: 'subscribe', streams: ['*'], fields: ['raw', 'trend'] });
    const [near, far] = ['near', 'far'].map((name) => streams.find((s: { name: string }) => s.name === name));
    expect(near).toMatchObject({ model: 'test', version: 1 });
    expect(far).toMatchObject({
      model: null,
      reason: expect.stringMatching(/^rateMismatch: expected 64 Hz.*got 65 Hz/),
    });
    client.send(samples(slot, 0, 1, 2));
    const frame = await client.until(({ type }) => type === 'trend');
    expect(frame).toMatchObject({ slot: far.slot, raw: [[1, 2]] });
    expect(frame).not.toHaveProperty('trend');
  });

  test('without --model', async () => {
    const { url } = await startDaemon({ model: undefined });
    const client = await rawClient(url);
    await client.ask(open);
    const { streams } = await client.ask({ type: 'streams' });
    expect(streams).toMatchObject([{ name: 's', model: null, reason: expect.stringMatching(/^noModel/) }]);
  });
});

test('silence: alive goes out with the heads of silent slots, and a peer that says nothing is closed with 4002', async () => {
  const { url } = await startDaemon({ ping: { interval: 80, timeout: 80 } });
  const client = await rawClient(url);
  await client.ask(open);
  const { streams } = await client.ask({ type: 'subscribe', streams: ['s'] });
  const alive = await client.until((m) => m.type === 'alive' && m.slots !== undefined);
  expect(alive.slots).toEqual([[streams[0].slot, 0]]);
  client.send({ type: 'alive', t: 12345 });
  expect(await client.until((m) => m.type === 'alive' && m.echo !== undefined)).toMatchObject({
    echo: 12345,
  });
  expect((await client.closed).code).toBe(4002);
});

test('close tells clients 4000, and health is told over HTTP', async () => {
  const daemon = await startDaemon();
  const client = await rawClient(daemon.url);
  const http = daemon.url.replace('ws:', 'http:').replace('/v1', '');
  expect((await fetch(`${http}/livez`)).status).toBe(200);
  expect(await (await fetch(`${http}/readyz`)).json()).toMatchObject({
    ready: true,
    models: [{ model: 'test', name: 'test', version: 1, problem: null }],
  });
  expect((await fetch(`${http}/nothing`)).status).toBe(404);
  expect((await fetch(http, { method: 'POST' })).status).toBe(405);
  await daemon.close();
  expect((await client.closed).code).toBe(4000);
});
