import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Daemon } from '../../src/daemon/serve.ts';
import { type SegmentLogOptions, segmentLog } from '../../src/log/segmentLog.ts';
import { type DaemonOptions, startDaemon, testTaps } from '../support/daemon.ts';
import { http } from '../support/http.ts';
import { repositoryWith, temporaryFolder } from '../support/models.ts';
import { type RawClient, type RawMessage, rawClient } from '../support/rawClient.ts';

/* A daemon on segment files, ended and started again: what its clients see of it. */

const channels = [{ name: 'x' }, { name: 'y' }];
const open = { type: 'open', stream: 's', channels, rate: 50 };
const positionsAt = (epoch: string, seq: number) => ({ positions: { s: { epoch, seq } } });

/** Sample n of channel c: what was sent is known from where it stands. */
const sample = (c: number, seq: number): number => Math.fround(Math.sin(seq * 0.7 + c) * 100 + seq * 0.25);

function frame(slot: number, from: number, to: number) {
  const values = [0, 1].map((c) => Array.from({ length: to - from }, (_, i) => sample(c, from + i)));
  return { type: 'samples', slot, seq: from, time: 1_760_000_000_000 + from * 20, values };
}

async function send(client: RawClient, slot: number, from: number, to: number): Promise<void> {
  client.send(frame(slot, from, to));
  await client.until(({ type, slot: of, nextSeq }) => type === 'ack' && of === slot && nextSeq === to);
}

/** A life of the daemon on the folder. */
async function life(
  folder: string,
  options: SegmentLogOptions = {},
  daemon: DaemonOptions = {},
): Promise<{ daemon: Daemon; client: RawClient }> {
  const log = await segmentLog(folder, options);
  const started = await startDaemon({ log, ...daemon });
  return { daemon: started, client: await rawClient(started.url) };
}

/** The rows of all trends that came, by seq; fails where one came twice with other bits. */
function rowsOf(messages: readonly RawMessage[]): Map<number, string> {
  const rows = new Map<number, string>();
  for (const { type, seq, trend, raw, coverage } of messages) {
    if (type !== 'trend') continue;
    for (let row = 0; row < trend[0].length; row++) {
      const text = JSON.stringify(
        [trend, raw, coverage].map((planes) => planes?.map((plane: number[]) => plane[row])),
      );
      expect(rows.get(seq + row) ?? text).toBe(text);
      rows.set(seq + row, text);
    }
  }
  return rows;
}

/** What a daemon that was never ended gives for `[0, to)`. */
async function undisturbed(to: number, options: DaemonOptions = {}): Promise<Map<number, string>> {
  const client = await rawClient((await startDaemon(options)).url);
  await client.ask({ type: 'subscribe', streams: ['s'], fields: ['trend', 'raw'], mode: 'lossless' });
  await client.ask(open);
  await send(client, 0, 0, to);
  await client.until((message) => message.type === 'trend' && message.seq + message.trend[0].length === to);
  return rowsOf(client.messages);
}

describe('a restart', () => {
  test('goes on: the same epoch, the next seq, no warm-up; a subscriber resumes as if nothing had been', async () => {
    const folder = await temporaryFolder();
    const models = await repositoryWith(testTaps);
    const first = await life(folder, {}, { models });
    expect(first.client.messages.find(({ type }) => type === 'welcome')).toMatchObject({
      durability: 'full',
      lossWindow: 0,
    });
    const { epoch } = await first.client.ask(open);
    await send(first.client, 0, 0, 37);
    await first.daemon.close();

    const { client } = await life(folder, {}, { models });
    const subscribed = await client.ask({
      ...{ type: 'subscribe', streams: ['s'], fields: ['trend', 'raw'], mode: 'lossless' },
      start: positionsAt(epoch, 5),
    });
    expect(subscribed.streams).toMatchObject([
      { epoch, nextSeq: 37, recovered: true, model: 'test', version: 1 },
    ]);
    // What was not acknowledged is sent again, and more of it.
    expect(await client.ask({ ...open, epoch, nextSeq: 40 })).toMatchObject({
      epoch: expect.not.stringMatching(epoch),
    });
  });

  test('a producer resends, and every trend has the bits of an undisturbed run', async () => {
    const folder = await temporaryFolder();
    const models = await repositoryWith(testTaps);
    const first = await life(folder, {}, { models });
    const { epoch } = await first.client.ask(open);
    await send(first.client, 0, 0, 37);
    await first.daemon.close();

    const { client } = await life(folder, {}, { models });
    const subscribe = { type: 'subscribe', streams: ['s'], fields: ['trend', 'raw'], mode: 'lossless' };
    await client.ask({ ...subscribe, start: positionsAt(epoch, 0) });
    expect(await client.ask({ ...open, epoch, nextSeq: 37 })).toMatchObject({ epoch, nextSeq: 37 });
    await send(client, 0, 30, 61);
    await client.until((message) => message.type === 'trend' && message.seq + message.trend[0].length === 61);
    const rows = rowsOf(client.messages);
    expect(rows.size).toBe(61);
    expect(rows).toEqual(await undisturbed(61, { models }));
  });

  test('a stream that was quiet for longer than the retention goes on warm', async () => {
    const folder = await temporaryFolder();
    const models = await repositoryWith(testTaps);
    // Small segments, most of which go.
    const small = { segmentBytes: 2 ** 16 };
    const keep = { models, retentionBytes: 2 ** 18 };
    const first = await life(folder, small, keep);
    const { epoch } = await first.client.ask(open);
    await send(first.client, 0, 0, 20);
    const noise = await first.client.ask({ ...open, stream: 'noise' });
    for (let at = 0; at < 200_000; at += 4000) await send(first.client, noise.slot, at, at + 4000);
    expect(first.client.messages.length).toBeGreaterThan(50);
    await first.daemon.close();
    // More than the retention has been written, so the segment that held the stream first is gone.
    const names = (await readdir(folder)).filter((name) => name.endsWith('.segment')).sort();
    expect(Number(names[0]!.slice(0, 10))).toBeGreaterThan(3);

    const { client, daemon } = await life(folder, small, keep);
    expect((await http(daemon.url, '/v1/streams/s/history?fields=raw,trend')).json.entries).toHaveLength(2);
    await client.ask({ type: 'subscribe', streams: ['s'], fields: ['trend', 'raw'], mode: 'lossless' });
    const again = await client.ask({ ...open, epoch, nextSeq: 20 });
    expect(again).toMatchObject({ epoch, nextSeq: 20 });
    await send(client, again.slot, 20, 30);
    await client.until(({ type, seq }) => type === 'trend' && seq === 20);
    const whole = await undisturbed(30, { models });
    expect(rowsOf(client.messages)).toEqual(new Map([...whole].filter(([seq]) => seq >= 20)));
  });
});

describe('what the log cannot prove', () => {
  test('sync: normal, and the machine was started again: a new epoch, and every client is told', async () => {
    const folder = await temporaryFolder();
    const models = await repositoryWith(testTaps);
    const log = await segmentLog(folder, { sync: 'normal', bootId: 'one' });
    const first = await startDaemon({ log, models });
    const client = await rawClient(first.url);
    expect(client.messages.find(({ type }) => type === 'welcome')).toMatchObject({
      durability: 'normal',
      lossWindow: 100,
    });
    const { epoch } = await client.ask(open);
    await send(client, 0, 0, 20);
    // The machine goes down with the daemon: no record of an ordered end. A copy of what was written is what is left.
    const copy = await temporaryFolder();
    for (const name of await readdir(folder))
      await writeFile(join(copy, name), await readFile(join(folder, name)));

    const { client: next } = await life(copy, { sync: 'normal', bootId: 'two' }, { models });
    const { streams } = await next.ask({
      ...{
        type: 'subscribe',
        streams: ['s'],
        fields: ['trend'],
        mode: 'lossless',
        start: positionsAt(epoch, 20),
      },
    });
    expect(streams).toMatchObject([
      { nextSeq: 0, recovered: false, lost: { fromSeq: 0, toSeq: 0, reason: 'epoch' }, model: 'test' },
    ]);
    expect(streams[0].epoch).not.toBe(epoch);
    expect(await next.ask({ ...open, epoch, nextSeq: 20 })).toMatchObject({
      epoch: streams[0].epoch,
      nextSeq: 0,
    });
    await send(next, 0, 0, 20);
    await next.until(({ type }) => type === 'trend');
  });

  test('the same machine: all that was written is there', async () => {
    const folder = await temporaryFolder();
    const first = await life(folder, { sync: 'normal', bootId: 'one' });
    const { epoch } = await first.client.ask(open);
    await send(first.client, 0, 0, 20);
    const copy = await temporaryFolder();
    for (const name of await readdir(folder))
      await writeFile(join(copy, name), await readFile(join(folder, name)));
    const { client } = await life(copy, { sync: 'normal', bootId: 'one' });
    expect(await client.ask({ ...open, epoch, nextSeq: 20 })).toMatchObject({ epoch, nextSeq: 20 });
  });
});

test('what damage has taken is told as a gap, on the socket and over REST; the rest has its bits', async () => {
  const folder = await temporaryFolder();
  const models = await repositoryWith(testTaps);
  const first = await life(folder, {}, { models });
  const { epoch } = await first.client.ask(open);
  for (let at = 0; at < 60; at += 10) await send(first.client, 0, at, at + 10);
  await first.daemon.close();

  const [name] = (await readdir(folder)).filter((each) => each.endsWith('.segment'));
  const bytes = await readFile(join(folder, name!));
  const needle = Buffer.alloc(4);
  needle.writeFloatLE(sample(1, 23));
  const at = bytes.indexOf(needle);
  expect(at).toBeGreaterThan(0);
  bytes[at]! ^= 4;
  await writeFile(join(folder, name!), bytes);

  const { daemon, client } = await life(folder, {}, { models });
  await client.ask({
    ...{ type: 'subscribe', streams: ['s'], fields: ['trend', 'raw'], mode: 'lossless' },
    start: positionsAt(epoch, 0),
  });
  await client.until(({ type }) => type === 'live');
  expect(client.messages.filter(({ type }) => type === 'gap')).toEqual([
    { type: 'gap', slot: 0, fromSeq: 20, toSeq: 30, reason: 'damaged', replay: true },
  ]);
  const whole = await undisturbed(60, { models });
  const rows = rowsOf(client.messages);
  const untouched = (seq: number): boolean => seq < 20 || seq >= 30 + testTaps.length - 1;
  expect([...rows.keys()].filter(untouched).length).toBe(20 + 30 - testTaps.length + 1);
  for (const [seq, row] of rows) if (untouched(seq)) expect(row).toBe(whole.get(seq));
  const { json } = await http(daemon.url, '/v1/streams/s/history');
  expect(json.entries.filter(({ type }: RawMessage) => type === 'gap')).toEqual([
    { type: 'gap', fromSeq: 20, toSeq: 30, reason: 'damaged' },
  ]);
});
