import { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { corks } from '../../src/daemon/connection/corks.ts';
import { socketOutbound } from '../../src/daemon/connection/socketOutbound.ts';
import { TrendFrames } from '../../src/daemon/connection/trendFrames.ts';
import type { ServerSocket } from '../../src/daemon/webSocket/serverSocket.ts';
import type { TrendRows } from '../../src/wire/serverMessages.ts';
import { serverCodecs } from '../support/codecs.ts';

const marks = { replay: false, afterGap: false };
const limits = { outboundBytes: 10_000, controlBacklogBytes: 5000 };

function rowsOf(numbers: number): TrendRows {
  return { seq: 0, rows: numbers, channels: 1, time: 0, period: 1, trend: new Float32Array(numbers).fill(1) };
}

/** A client that reads when the test says so. */
function peer(frames = new TrendFrames()) {
  const written: Buffer[] = [];
  const waiting: { readonly size: number; readonly done: () => void }[] = [];
  let writes = 0;
  const take = (chunks: Buffer[], done: () => void): void => {
    writes++;
    written.push(...chunks);
    waiting.push({ size: chunks.reduce((sum, { length }) => sum + length, 0), done });
  };
  const stream = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _, done) => take([chunk], done),
    writev: (chunks, done) =>
      take(
        chunks.map(({ chunk }) => chunk as Buffer),
        done,
      ),
  });
  const closes: [number, string][] = [];
  const close = (code: number, reason: string): void => void closes.push([code, reason]);
  const socket = { stream, close } as Partial<ServerSocket> as ServerSocket;
  const answersWait: boolean[] = [];
  const outbound = socketOutbound({
    socket,
    codec: serverCodecs['firtrend.v1.bin'],
    frames,
    corks: corks(),
    limits,
    answersWait: (held) => answersWait.push(held),
    ended: () => undefined,
  });
  return {
    outbound,
    written,
    closes,
    answersWait,
    get writes() {
      return writes;
    },
    /** The client reads all that has been written out, and then what that lets through. */
    async read() {
      for (const { done } of waiting.splice(0)) done();
      await turn();
    },
    /** The text messages that went out: each is a frame of fewer than 64 KiB, written by itself. */
    texts: () =>
      written
        .filter((frame) => frame[0] === 0x81)
        .map((frame) => JSON.parse(frame.toString('utf8', frame[1] === 126 ? 4 : 2))),
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the byte budget', () => {
  test('is entered above it and left at half of it', async () => {
    const p = peer();
    const frame = rowsOf(1000);
    const send = (): void => p.outbound.trend(0, frame, marks);
    send();
    await turn();
    // One is being sent; two more wait.
    send();
    send();
    await turn();
    expect(p.outbound.congested).toBe(true);
    let writable = false;
    void p.outbound.writable().then(() => {
      writable = true;
    });
    await turn();
    expect(writable).toBe(false);
    // What was being sent is out: 8 KB are left, above half.
    await p.read();
    await turn();
    expect([p.outbound.congested, writable]).toEqual([false, false]);
    await p.read();
    await turn();
    expect(writable).toBe(true);
  });

  test('is for data: control goes all the same, and does not count', async () => {
    const p = peer();
    p.outbound.control({ type: 'live', slot: 0, seq: 1 });
    await turn();
    for (let i = 0; i < 60; i++) p.outbound.control({ type: 'live', slot: 0, seq: i });
    for (let i = 0; i < 2; i++) p.outbound.trend(0, rowsOf(1000), marks);
    expect(p.outbound.congested).toBe(false);
    p.outbound.trend(0, rowsOf(1000), marks);
    expect(p.outbound.congested).toBe(true);
    p.outbound.control({ type: 'live', slot: 0, seq: 61 });
    expect(p.closes).toEqual([]);
  });

  test('who waits for room is served one after another, for the first may fill it again', async () => {
    const p = peer();
    for (let i = 0; i < 4; i++) p.outbound.trend(0, rowsOf(1000), marks);
    await turn();
    const order: string[] = [];
    const wait = async (name: string): Promise<void> => {
      await p.outbound.writable();
      order.push(name);
      if (name === 'a') for (let i = 0; i < 4; i++) p.outbound.trend(0, rowsOf(1000), marks);
    };
    const [a, b] = [wait('a'), wait('b')];
    await p.read();
    await a;
    await turn();
    await turn();
    expect(order).toEqual(['a']);
    await p.read();
    await p.read();
    await b;
    expect(order).toEqual(['a', 'b']);
  });
});

describe('control', () => {
  test('that nobody asked for and nobody reads ends the connection with 4003', async () => {
    const p = peer();
    for (let i = 0; i < 400; i++) p.outbound.control({ type: 'live', slot: 0, seq: i });
    expect(p.closes).toMatchObject([[4003, expect.stringContaining('not being read')]]);
    // Nothing was left out before that.
    await turn();
    await p.read();
    const seqs = p.texts().map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, i) => i));
    expect(seqs.length).toBeGreaterThan(100);
  });

  test('that was asked for does not: requests wait instead', async () => {
    const p = peer();
    p.outbound.reply({ type: 'streams', id: 0, streams: [] });
    await turn();
    for (let id = 1; id < 400; id++) p.outbound.reply({ type: 'streams', id, streams: [] });
    expect(p.closes).toEqual([]);
    expect(p.answersWait).toEqual([true]);
    await turn();
    await p.read();
    await p.read();
    expect(p.answersWait).toEqual([true, false]);
  });

  test('news of one kernel in many slots is one message, before whatever follows', async () => {
    const p = peer();
    const info = { model: 'm', version: 2, lag: 3 };
    for (let slot = 0; slot < 5; slot++) p.outbound.kernel(slot, 10 + slot, info);
    p.outbound.kernel(5, 15, { ...info, version: 3 });
    p.outbound.control({ type: 'live', slot: 0, seq: 1 });
    p.outbound.kernel(6, 16, info);
    await turn();
    expect(p.texts()).toMatchObject([
      { type: 'kernel', version: 2, changes: [0, 1, 2, 3, 4].map((slot) => ({ slot, seq: 10 + slot })) },
      { type: 'kernel', version: 3, changes: [{ slot: 5, seq: 15 }] },
      { type: 'live' },
      { type: 'kernel', version: 2, changes: [{ slot: 6, seq: 16 }] },
    ]);
  });
});

describe('what is sent', () => {
  test('in one turn goes in one write', async () => {
    const p = peer();
    for (let i = 0; i < 50; i++) p.outbound.trend(0, rowsOf(2), marks);
    p.outbound.control({ type: 'live', slot: 0, seq: 1 });
    await turn();
    expect(p.writes).toBe(1);
    expect(p.written).toHaveLength(51);
  });

  test('to many with the same view is encoded once; with the same slot it is the same memory', async () => {
    const frames = new TrendFrames();
    const [a, b, c] = [peer(frames), peer(frames), peer(frames)];
    const rows = rowsOf(3);
    a.outbound.trend(7, rows, marks);
    b.outbound.trend(7, rows, marks);
    c.outbound.trend(8, rows, { ...marks, afterGap: true });
    await turn();
    expect(a.written[0]).toBe(b.written[0]);
    expect(c.written[0]).not.toBe(a.written[0]);
    const [one, other] = [a.written[0]!, c.written[0]!];
    expect([one.readUInt32LE(2 + 4), other.readUInt32LE(2 + 4)]).toEqual([7, 8]);
    expect([one.readUInt16LE(2 + 2), other.readUInt16LE(2 + 2)]).toEqual([0, 8]);
    expect(one.subarray(2 + 8).equals(other.subarray(2 + 8))).toBe(true);
  });

  test('of a large frame only the head is made anew: its planes are written as they are', async () => {
    const frames = new TrendFrames();
    const [a, b] = [peer(frames), peer(frames)];
    const rows = rowsOf(20_000);
    a.outbound.trend(1, rows, marks);
    b.outbound.trend(2, rows, marks);
    await turn();
    expect(a.written).toHaveLength(2);
    expect(a.written[1]!.buffer).toBe(rows.trend!.buffer);
    expect(b.written[1]!.buffer).toBe(rows.trend!.buffer);
    expect(a.written[0]!.subarray(0, 10).toString('hex')).toBe('827f00000000000138b0');
  });
});
