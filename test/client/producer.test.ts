import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, type FirtrendClient } from '../../src/client/client.ts';
import type { Producer } from '../../src/client/producer.ts';
import type { Subprotocol } from '../../src/wire/limits.ts';
import { type FakeServer, fakeServer, type Peer } from './fakeServer.ts';

const epoch = '00000000000000aa';
let server: FakeServer;
let client: FirtrendClient;
let peer: Peer;

async function connected(subprotocol: Subprotocol): Promise<void> {
  server = await fakeServer();
  const accepted = server.accept();
  client = await connect(server.url, { subprotocol, reconnect: false });
  peer = await accepted;
}

afterEach(async () => {
  await client.close();
  await server.close();
});

async function opened(window = 1000, nextSeq = 0): Promise<Producer> {
  const opening = client.open({ stream: 's', channels: [{ name: 'x' }, { name: 'y' }], rate: 8 });
  const { id } = await peer.next();
  peer.send({ type: 'opened', id, slot: 5, epoch, nextSeq, window });
  return await opening;
}

/** Whether a promise has settled by now. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  const done = promise.then(
    () => true,
    () => true,
  );
  return (await Promise.race([done, new Promise((resolve) => setTimeout(resolve, 30, pending))])) !== pending;
}

describe.each(['firtrend.v1.bin', 'firtrend.v1.json'] as const)('a producer in %s', (subprotocol) => {
  beforeEach(() => connected(subprotocol));

  it('says who it is', async () => {
    const opening = client.open({
      stream: 's',
      channels: [{ name: 'x', unit: 'm', offset: 3 }],
      rate: 8,
      epoch,
      nextSeq: 4,
      producer: 'device-7',
      takeover: true,
    });
    expect(await peer.next()).toEqual({
      type: 'open',
      id: 1,
      stream: 's',
      channels: [{ name: 'x', unit: 'm', offset: 3 }],
      rate: 8,
      epoch,
      nextSeq: 4,
      producer: 'device-7',
      takeover: true,
    });
    peer.send({ type: 'opened', id: 1, slot: 0, epoch, nextSeq: 4, window: 100 });
    expect(await opening).toMatchObject({ slot: 0, epoch, nextSeq: 4, acked: 4 });
  });

  it('numbers its frames from where the daemon is, and takes values or planes', async () => {
    const producer = await opened(1000, 10);
    await producer.send({ values: [Float32Array.of(1, 2), [3, null]], time: 1000 });
    await producer.send({ planes: Float32Array.of(0.125, Number.NaN), period: 125 });
    await producer.send({ seq: 20, values: [[1], [2]] });
    expect(await peer.next()).toEqual({
      type: 'samples',
      slot: 5,
      seq: 10,
      time: 1000,
      values: [
        [1, 2],
        [3, null],
      ],
    });
    expect(await peer.next()).toEqual({
      type: 'samples',
      slot: 5,
      seq: 12,
      period: 125,
      values: [[0.125], [null]],
    });
    expect(await peer.next()).toMatchObject({ seq: 20 });
    expect(producer.nextSeq).toBe(21);
    expect(producer.acked).toBe(10);
  });

  it('keeps no more than the window unacknowledged, in order', async () => {
    const producer = await opened(150);
    // 56 or 59 bytes each: two fit.
    const sends = Array.from({ length: 5 }, (_, i) => producer.send({ values: [[i], [i]] }));
    expect(await settled(sends[1]!)).toBe(true);
    expect(await settled(sends[2]!)).toBe(false);
    expect(peer.waiting).toBe(2);
    const flushing = producer.flush();
    peer.send({ type: 'ack', slot: 5, nextSeq: 1 });
    expect(await settled(sends[2]!)).toBe(true);
    expect(await settled(sends[3]!)).toBe(false);
    peer.send({ type: 'ack', slot: 5, nextSeq: 3 });
    expect(await settled(sends[4]!)).toBe(true);
    expect(await settled(flushing)).toBe(false);
    peer.send({ type: 'ack', slot: 5, nextSeq: 5 });
    await flushing;
    expect(producer.acked).toBe(5);
    const seqs = [];
    while (peer.waiting > 0) seqs.push((await peer.next()).seq);
    expect(seqs).toEqual([0, 1, 2, 3, 4]);
  });

  it('sends a frame larger than the window alone', async () => {
    const producer = await opened(10);
    await producer.send({ values: [[1], [1]] });
    const second = producer.send({ values: [[2], [2]] });
    expect(await settled(second)).toBe(false);
    peer.send({ type: 'ack', slot: 5, nextSeq: 1 });
    await second;
  });

  it('encodes at once: the frame may be reused', async () => {
    const producer = await opened(10);
    const planes = Float32Array.of(1, 1);
    await producer.send({ planes });
    const second = producer.send({ planes });
    planes.fill(9);
    peer.send({ type: 'ack', slot: 5, nextSeq: 1 });
    await second;
    await peer.next();
    expect(await peer.next()).toMatchObject({ values: [[1], [1]] });
  });

  it.each([
    [{ values: [[1]] }, 'frameSize', /expected 2 channels, got 1/],
    [{ values: [[1], [1, 2]] }, 'frameSize', /values\[1\]: expected 1 rows/],
    [{ planes: new Float32Array(3) }, 'frameSize', /multiple of 2 channels/],
    [{ planes: new Float32Array(0) }, 'frameSize', /multiple of 2 channels/],
    [{ planes: new Float32Array(2 * 65_537) }, 'limit', /65536 rows/],
  ])('refuses %.40j by itself, and goes on', async (frame, code, text) => {
    const producer = await opened();
    const failed = (await producer.send(frame).catch((error: unknown) => error)) as Error;
    expect(failed).toMatchObject({ code });
    expect(failed.message).toMatch(text);
    await producer.send({ values: [[1], [1]] });
    expect(await peer.next()).toMatchObject({ seq: 0 });
  });

  it('fails when the daemon refuses a frame, and can still give the slot back', async () => {
    const producer = await opened(10);
    await producer.send({ values: [[1], [1]] });
    await peer.next();
    const blocked = producer.send({ values: [[2], [2]] });
    const flushing = producer.flush();
    peer.send({ type: 'error', slot: 5, code: 'seqBelowHead', message: 'seq: too low', field: 'seq' });
    const refused = { code: 'seqBelowHead', slot: 5, field: 'seq' };
    await expect(blocked).rejects.toMatchObject(refused);
    await expect(flushing).rejects.toMatchObject(refused);
    await expect(producer.send({ values: [[3], [3]] })).rejects.toMatchObject(refused);
    const closing = producer.close();
    const { id } = await peer.next();
    peer.send({ type: 'closed', id, slot: 5 });
    await closing;
  });

  it('fails when another takes over', async () => {
    const producer = await opened();
    await producer.send({ values: [[1], [1]] });
    const flushing = producer.flush();
    peer.send({ type: 'closed', slot: 5, reason: 'takenOver' });
    await expect(flushing).rejects.toMatchObject({ code: 'takenOver', slot: 5 });
    await expect(producer.send({ values: [[2], [2]] })).rejects.toMatchObject({ code: 'takenOver' });
    await producer.close();
  });

  it('flushes before it closes', async () => {
    const producer = await opened();
    await producer.send({ values: [[1], [1]] });
    await peer.next();
    const closing = producer.close();
    expect(await settled(closing)).toBe(false);
    expect(peer.waiting).toBe(0);
    peer.send({ type: 'ack', slot: 5, nextSeq: 1 });
    const { type, id, slot } = await peer.next();
    expect({ type, slot }).toEqual({ type: 'close', slot: 5 });
    peer.send({ type: 'closed', id, slot: 5 });
    await closing;
    await expect(producer.send({ values: [[1], [1]] })).rejects.toMatchObject({ code: 'closed' });
    await producer.close();
  });

  it('fails with the connection', async () => {
    const producer = await opened(10);
    await producer.send({ values: [[1], [1]] });
    const flushing = producer.flush();
    peer.socket.close(4006, 'oh');
    await expect(flushing).rejects.toMatchObject({ code: 'internal', closeCode: 4006 });
    await expect(producer.send({ values: [[1], [1]] })).rejects.toMatchObject({ code: 'internal' });
  });
});

it('refuses a frame too large for a message', async () => {
  await connected('firtrend.v1.json');
  const producer = await opened();
  const frame = { planes: new Float32Array(2 * 65_536).fill(Math.PI) };
  await expect(producer.send(frame)).rejects.toMatchObject({
    code: 'limit',
    message: expect.stringContaining('1048576 bytes'),
  });
});
