import { describe, expect, test } from 'vitest';
import { history } from '../../src/daemon/hub/history.ts';
import { hub } from '../../src/daemon/hub/hub.ts';
import { filterBank } from '../../src/daemon/ingest/filterBank.ts';
import { begin, bench, FakeOutbound, frame, kernelAt, seqs } from './hubBench.ts';

test('two views of one stream get each their own frames; the same view shares one encoding', async () => {
  const b = bench();
  await b.put(begin(2), kernelAt(0, 5));
  const [all, twin, part] = [new FakeOutbound(), new FakeOutbound(), new FakeOutbound()];
  b.subscribe(all);
  b.subscribe(twin);
  b.subscribe(part, { channels: ['c1'] });
  await b.put(frame(0, 4, 2));
  expect(all.of('trend')[0]!.raw).toEqual(new Float32Array([0, 1, 2, 3, 0.125, 1.125, 2.125, 3.125]));
  expect(part.of('trend')[0]!.raw).toEqual(new Float32Array([0.125, 1.125, 2.125, 3.125]));
  expect(all.shared[0]).toBe(twin.shared[0]);
  expect(all.shared[0]).not.toBe(part.shared[0]);
});

test('a gap is told before the frame behind it, once, and the next frame shown carries afterGap', async () => {
  const b = bench();
  await b.put(begin(), kernelAt(0, 5));
  const [live, sparse] = [new FakeOutbound(), new FakeOutbound()];
  b.subscribe(live);
  b.subscribe(sparse, { every: 10 });
  await b.put(frame(0, 3), frame(15, 2));
  await b.put(frame(17, 5));
  expect(
    live.sent.map((m) =>
      m.type === 'trend' ? [m.seq, m.afterGap] : m.type === 'gap' ? [m.fromSeq, m.toSeq] : m.type,
    ),
  ).toEqual(['subscribed', [0, undefined], [3, 15], [15, true], [17, undefined]]);
  expect(sparse.of('trend').map(({ seq, afterGap }) => [seq, afterGap])).toEqual([
    [0, undefined],
    [20, true],
  ]);
});

test('a frame beyond 256 KiB of planes is cut', async () => {
  const b = bench();
  await b.put(begin(), kernelAt(0, 5));
  const outbound = new FakeOutbound();
  b.subscribe(outbound);
  await b.put(frame(0, 65_000));
  const frames = outbound.of('trend');
  expect(frames.length).toBeGreaterThan(1);
  for (const { raw, trend } of frames)
    expect(raw!.byteLength + trend!.byteLength).toBeLessThanOrEqual(256 * 1024);
  expect(outbound.rows().map(([seq]) => seq)).toEqual(seqs(0, 65_000));
  expect(frames[1]!.time).toBe(1e12 + frames[1]!.seq * 100);
});

describe('a lossless slot whose connection is congested', () => {
  test('queues nothing, falls behind also in the middle of a record, and then gets every row once, in order', async () => {
    const b = bench();
    await b.put(begin(), kernelAt(0, 5));
    const outbound = new FakeOutbound();
    b.subscribe(outbound);
    outbound.room = 1;
    await b.put(frame(0, 65_000));
    for (let seq = 65_000; seq < 66_000; seq += 50) await b.put(frame(seq, 50));
    await b.settled();
    expect(outbound.of('trend')).toHaveLength(1);
    outbound.drain(1);
    await b.settled();
    expect(outbound.of('trend')).toHaveLength(2);
    expect(outbound.of('live')).toEqual([]);
    outbound.drain();
    await b.settled();
    expect(outbound.rows().map(([seq]) => seq)).toEqual(seqs(0, 66_000));
    expect(outbound.of('live')).toMatchObject([{ seq: 66_000 }]);
    await b.put(frame(66_000, 5));
    expect(outbound.of('trend').at(-1)).toMatchObject({ seq: 66_000, rows: 5 });
    expect(outbound.of('trend').at(-1)!.replay).toBeUndefined();
  });

  test('is told of a kernel that took over meanwhile before the first frame it concerns', async () => {
    const b = bench();
    await b.put(begin(), kernelAt(0, 5));
    const outbound = new FakeOutbound();
    b.subscribe(outbound);
    await b.put(frame(0, 4));
    outbound.room = 0;
    await b.put(frame(4, 4));
    await b.put(kernelAt(8, 9), frame(8, 4));
    await b.put(kernelAt(12, 3));
    outbound.drain();
    await b.settled();
    const story = outbound.sent.map((m) => {
      if (m.type === 'trend') return `rows ${m.seq}`;
      return m.type === 'kernel' ? `kernel ${m.version} from ${m.changes[0]!.seq}` : m.type;
    });
    expect(story).toEqual([
      'subscribed',
      'rows 0',
      'rows 4',
      'kernel 9 from 8',
      'rows 8',
      'kernel 3 from 12',
      'live',
    ]);
    await b.put(kernelAt(12, 7));
    expect(outbound.of('kernel').at(-1)).toMatchObject({ version: 7, changes: [{ seq: 12 }] });
  });

  test('hears what it lost when the epoch ends before it has caught up', async () => {
    const b = bench();
    await b.put(begin(), kernelAt(0, 5));
    const outbound = new FakeOutbound();
    b.subscribe(outbound);
    await b.put(frame(0, 4));
    outbound.room = 0;
    await b.put(frame(4, 6));
    await b.put(begin(2, '00000000000000e2'), kernelAt(0, 5), frame(0, 3, 2));
    outbound.drain();
    await b.settled();
    expect(outbound.of('gap')).toMatchObject([{ slot: 0, fromSeq: 4, toSeq: 10, reason: 'slow' }]);
    expect(outbound.of('removed')).toMatchObject([{ slots: [0], reason: 'epoch' }]);
    expect(outbound.of('added')).toMatchObject([
      { id: 1, streams: [{ slot: 1, epoch: '00000000000000e2' }] },
    ]);
    expect(outbound.of('trend').filter(({ slot }) => slot === 0)).toHaveLength(1);
    expect(outbound.of('trend').at(-1)).toMatchObject({ slot: 1, seq: 0, rows: 3, channels: 2 });
  });

  test('is closed with 4001 when the log no longer holds what it is owed', async () => {
    const b = bench();
    await b.put(begin(), kernelAt(0, 5));
    const outbound = new FakeOutbound();
    b.subscribe(outbound);
    outbound.room = 0;
    for (let seq = 0; seq < 5000; seq += 100) await b.put(frame(seq, 100));
    await b.log.trim({ maxBytes: 8000, keepSamples: 10 });
    outbound.drain();
    await b.settled();
    expect(outbound.ended).toBe(4001);
    expect(outbound.of('trend')).toEqual([]);
  });
});

describe('start', () => {
  test('seconds: so many back from the head', async () => {
    const b = bench();
    await b.put(begin(), kernelAt(0, 5), frame(0, 100));
    const outbound = new FakeOutbound();
    b.subscribe(outbound, { start: { seconds: 2 } });
    await b.settled();
    expect(outbound.of('subscribed')).toMatchObject([{ streams: [{ fromSeq: 80, nextSeq: 100 }] }]);
    expect(outbound.rows().map(([seq]) => seq)).toEqual(seqs(80, 100));
  });

  test('over a gap of any length a replay is at its end at once', async () => {
    const b = bench();
    const far = 2 ** 52;
    await b.put(begin(), kernelAt(0, 5), frame(0, 3), frame(far, 3));
    const outbound = new FakeOutbound();
    b.subscribe(outbound, { start: { positions: {}, others: 'oldest' } });
    await b.settled();
    expect(outbound.of('gap')).toMatchObject([{ fromSeq: 3, toSeq: far, replay: true }]);
    expect(outbound.of('live')).toMatchObject([{ seq: far + 3 }]);
  });

  test('a raw-only stream can be resumed from all that is held', async () => {
    const b = bench();
    await b.put(begin(), { type: 'unfiltered', stream: 's', seq: 0, reason: 'noModel: none' });
    for (let seq = 0; seq < 5000; seq += 100) await b.put(frame(seq, 100));
    await b.log.trim({ maxBytes: 8000, keepSamples: 10 });
    const { oldestSeq, epoch } = b.log.head('s')!;
    const outbound = new FakeOutbound();
    b.subscribe(outbound, { fields: ['raw'], start: { positions: { s: { epoch, seq: oldestSeq } } } });
    await b.settled();
    expect(outbound.of('subscribed')).toMatchObject([{ streams: [{ recovered: true }] }]);
    expect(outbound.rows()[0]).toEqual([oldestSeq, oldestSeq]);
  });

  test('a position of a stream that comes later is lost, and says so', async () => {
    const b = bench();
    const outbound = new FakeOutbound();
    b.subscribe(outbound, { start: { positions: { s: { epoch: 'ffffffffffffffff', seq: 7 } } } });
    await b.put(begin(), kernelAt(0, 5), frame(0, 3));
    expect(outbound.of('added')).toMatchObject([
      { streams: [{ recovered: false, lost: { reason: 'epoch' } }] },
    ]);
    expect(outbound.rows().map(([seq]) => seq)).toEqual([0, 1, 2]);
  });
});

test('after close a subscription gets nothing more', async () => {
  const b = bench();
  await b.put(begin(), kernelAt(0, 5));
  const outbound = new FakeOutbound();
  const subscription = b.subscribe(outbound);
  await b.put(frame(0, 3));
  subscription.close();
  await b.put(frame(3, 3));
  await b.put(begin(1, '00000000000000e2'), kernelAt(0, 5));
  expect(outbound.sent.map(({ type }) => type)).toEqual(['subscribed', 'trend']);
});

describe('alive tells the heads of slots with nothing to send', () => {
  test('a view that has no row of what came is silent, at its cursor', async () => {
    const b = bench();
    await b.put(begin(), kernelAt(0, 5));
    const outbound = new FakeOutbound();
    const subscription = b.subscribe(outbound, { every: 100 });
    await b.put(frame(1, 5));
    expect(subscription.silent()).toEqual([[0, 6]]);
    await b.put(frame(100, 1));
    expect(subscription.silent()).toEqual([]);
  });

  test('latest: a row that waits has not been told', async () => {
    const b = bench();
    await b.put(begin(), kernelAt(0, 5));
    const outbound = new FakeOutbound();
    const subscription = b.subscribe(outbound, { mode: 'latest', minPeriod: 60_000 });
    await b.put(frame(0, 1));
    await b.put(frame(1, 1));
    expect(subscription.silent()).toEqual([]);
    expect(subscription.silent()).toEqual([]);
    subscription.close();
  });
});

test('latest keeps one row while the connection is congested: the newest', async () => {
  const b = bench();
  await b.put(begin(), kernelAt(0, 5));
  const outbound = new FakeOutbound();
  b.subscribe(outbound, { mode: 'latest' });
  outbound.room = 1;
  for (let seq = 0; seq < 20; seq += 2) await b.put(frame(seq, 2));
  expect(outbound.rows()).toEqual([[1, 1]]);
  outbound.drain();
  await b.settled();
  expect(outbound.rows()).toEqual([
    [1, 1],
    [19, 19],
  ]);
  expect(outbound.of('gap')).toEqual([]);
});

test('a hub knows the streams that its log already holds', async () => {
  const b = bench();
  await b.put(begin(), kernelAt(0, 5), frame(0, 7));
  const bank = filterBank({ provider: 'cpu' });
  const again = hub({ log: b.log, history: history(b.log, bank), failed: () => undefined });
  expect(again.streams('**', () => true)).toMatchObject([{ name: 's', nextSeq: 7, model: 'm', version: 5 }]);
});
