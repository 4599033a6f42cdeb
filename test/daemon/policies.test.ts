import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { begin, bench, FakeOutbound, frame, kernelAt, seqs } from './hubBench.ts';

/** Two streams that have begun. */
async function two(now?: () => number) {
  const b = bench(now);
  await b.put(begin(), kernelAt(0, 5), begin(1, '00000000000000e9', 't'), kernelAt(0, 5, 't'));
  return b;
}

const perSlot = (outbound: FakeOutbound): Map<number, number[]> => {
  const rows = new Map<number, number[]>();
  for (const { slot, seq, rows: count, stride = 1 } of outbound.of('trend')) {
    const all = rows.get(slot) ?? [];
    for (let i = 0; i < count; i++) all.push(seq + i * stride);
    rows.set(slot, all);
  }
  return rows;
};

describe('what other systems get wrong', () => {
  test('a policy is kept to, also by frames that come from the log', async () => {
    const b = await two();
    const outbound = new FakeOutbound();
    b.subscribe(outbound, { every: 7, channels: ['c0'], fields: ['raw'] });
    outbound.room = 1;
    for (let seq = 0; seq < 200; seq += 10) await b.put(frame(seq, 10));
    outbound.drain();
    await b.settled();
    await b.put(frame(200, 10));
    expect(outbound.rows().map(([seq]) => seq)).toEqual(seqs(0, 30).map((n) => 7 * n));
    expect(outbound.of('trend').some(({ replay }) => replay)).toBe(true);
    for (const each of outbound.of('trend')) {
      expect(each).toMatchObject({ stride: 7, period: 700, channels: 1 });
      expect(each.trend).toBeUndefined();
    }
  });

  test('minPeriod is for each stream: one that speaks often does not silence another', async () => {
    const b = await two();
    const outbound = new FakeOutbound();
    const subscription = b.subscribe(outbound, { streams: ['*'], mode: 'latest', minPeriod: 40 });
    for (let n = 0; n < 60; n++) {
      await b.put(frame(n, 1));
      if (n % 20 === 10) await b.put(frame(n, 1, 1, 't'));
      await sleep(3);
    }
    await sleep(60);
    const rows = perSlot(outbound);
    // The one that speaks seldom is told each time, the other in between and at its end.
    expect(rows.get(1)).toEqual([10, 30, 50]);
    expect(rows.get(0)!.at(-1)).toBe(59);
    expect(rows.get(0)!.length).toBeGreaterThan(3);
    subscription.close();
  });

  test('a timer that has begun runs out, however often new rows come', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const b = await two();
      const outbound = new FakeOutbound();
      const subscription = b.subscribe(outbound, { mode: 'latest', minPeriod: 100 });
      await b.put(frame(0, 1));
      for (let seq = 1; seq < 10; seq++) {
        vi.advanceTimersByTime(11);
        await b.put(frame(seq, 1));
      }
      expect(outbound.rows().map(([seq]) => seq)).toEqual([0]);
      vi.advanceTimersByTime(1);
      expect(outbound.rows().map(([seq]) => seq)).toEqual([0, 9]);
      subscription.close();
    } finally {
      vi.useRealTimers();
    }
  });

  test('subscriptions that overlap are each whole, and end by themselves', async () => {
    const b = await two();
    const outbound = new FakeOutbound();
    const first = b.subscribe(outbound, { id: 1, streams: ['s', '*'] });
    const second = b.subscribe(outbound, { id: 2, streams: ['s'], every: 2 });
    await b.put(frame(0, 4), frame(0, 4, 1, 't'));
    first.close();
    await b.put(frame(4, 4), frame(4, 4, 1, 't'));
    second.close();
    await b.put(frame(8, 4));
    const rows = perSlot(outbound);
    expect(
      outbound.of('subscribed').map(({ streams }) => streams.map(({ slot, name }) => [slot, name])),
    ).toEqual([
      [
        [0, 's'],
        [1, 't'],
      ],
      [[2, 's']],
    ]);
    expect([rows.get(0), rows.get(1), rows.get(2)]).toEqual([seqs(0, 4), seqs(0, 4), [0, 2, 4, 6]]);
  });

  test('what is known from before is never shown as live', async () => {
    const b = await two();
    await b.put(frame(0, 50));
    const [live, latest, replay] = [new FakeOutbound(), new FakeOutbound(), new FakeOutbound()];
    b.subscribe(live);
    b.subscribe(latest, { mode: 'latest' });
    b.subscribe(replay, { start: { seconds: 1 } });
    await b.settled();
    expect([live.of('trend'), latest.of('trend')]).toEqual([[], []]);
    expect(replay.of('trend').every((each) => each.replay === true)).toBe(true);
    await b.put(frame(50, 1));
    for (const each of [live, latest, replay]) {
      expect(each.of('trend').at(-1)).toMatchObject({ seq: 50, rows: 1 });
      expect(each.of('trend').at(-1)!.replay).toBeUndefined();
    }
  });
});

describe('silence', () => {
  test('is told once to whom it concerns, and again after the stream has spoken', async () => {
    let now = 0;
    const b = await two(() => now);
    const [one, all] = [new FakeOutbound(), new FakeOutbound()];
    b.subscribe(one, { id: 3 });
    b.subscribe(all, { id: 4, streams: ['**'] });
    await b.put(frame(0, 1), frame(0, 1, 1, 't'));
    now = 900;
    b.hub.tellSilence();
    expect([...one.of('stale'), ...all.of('stale')]).toEqual([]);
    await b.put(frame(1, 1));
    now = 1100;
    b.hub.tellSilence();
    b.hub.tellSilence();
    expect(one.of('stale')).toEqual([]);
    expect(all.of('stale')).toEqual([{ type: 'stale', id: 4, slots: [2], reason: 'silent' }]);
    now = 2000;
    b.hub.tellSilence();
    expect(one.of('stale')).toEqual([{ type: 'stale', id: 3, slots: [0], reason: 'silent' }]);
    await b.put(frame(2, 1));
    now = 3100;
    b.hub.tellSilence();
    expect(one.of('stale')).toHaveLength(2);
  });

  test('is five periods, or five frames of the last length, and at least a second', async () => {
    let now = 0;
    const b = await two(() => now);
    const outbound = new FakeOutbound();
    b.subscribe(outbound);
    // Frames of 10 s, at 10 samples per second.
    await b.put(frame(0, 100));
    now = 50_000;
    b.hub.tellSilence();
    expect(outbound.of('stale')).toEqual([]);
    now = 50_001;
    b.hub.tellSilence();
    expect(outbound.of('stale')).toHaveLength(1);
  });

  test('is told right behind subscribed to whoever comes later', async () => {
    let now = 0;
    const b = await two(() => now);
    await b.put(frame(0, 5));
    now = 10_000;
    b.hub.tellSilence();
    const outbound = new FakeOutbound();
    b.subscribe(outbound, { start: { seconds: 0.3 } });
    await b.settled();
    expect(outbound.sent.map(({ type }) => type)).toEqual(['subscribed', 'stale', 'trend', 'live']);
  });
});

describe('gaps', () => {
  test('with no row of the view between them are one, and none where no row of the view is lost', async () => {
    const b = await two();
    const outbound = new FakeOutbound();
    const subscription = b.subscribe(outbound, { every: 10 });
    // Lost: 3–4, 8–11 (with 10), 15–16, 19–20 (with 20), 33–34.
    for (const [seq, rows] of [
      [0, 3],
      [5, 3],
      [12, 3],
      [17, 2],
      [21, 12],
      [35, 1],
    ] as const) {
      await b.put(frame(seq, rows));
    }
    const story = outbound.sent.map((m) =>
      m.type === 'gap' ? [m.fromSeq, m.toSeq] : m.type === 'trend' ? [m.seq, m.afterGap] : m.type,
    );
    expect(story).toEqual(['subscribed', [0, undefined], [3, 21], [30, true]]);
    // What is lost at the end is told with alive, if anything is.
    expect(subscription.silent()).toEqual([]);
    expect(subscription.silent()).toEqual([[0, 36]]);
    await b.put(frame(41, 1));
    subscription.silent();
    expect(outbound.of('gap').at(-1)).toMatchObject({ fromSeq: 36, toSeq: 41 });
    expect(outbound.of('gap')).toHaveLength(2);
  });
});

describe('a kernel in mode latest', () => {
  test('is told between the rows it comes between, and the last row does come', async () => {
    const b = await two();
    const outbound = new FakeOutbound();
    b.subscribe(outbound, { mode: 'latest' });
    const story = (): unknown[] =>
      outbound.sent.map((m) => (m.type === 'trend' ? m.seq : m.type === 'kernel' ? `k${m.version}` : m.type));
    await b.put(frame(0, 1));
    outbound.room = 0;
    // A row that waits, then a kernel, and nothing more.
    await b.put(frame(1, 1));
    await b.put(kernelAt(2, 7));
    outbound.drain();
    await b.settled();
    expect(story()).toEqual(['subscribed', 0, 1, 'k7']);
    outbound.room = 0;
    // The row before the kernel is replaced by one after it.
    await b.put(frame(2, 1));
    await b.put(kernelAt(3, 9));
    await b.put(frame(3, 1));
    await b.put(kernelAt(4, 3));
    outbound.drain();
    await b.settled();
    expect(story()).toEqual(['subscribed', 0, 1, 'k7', 'k9', 3, 'k3']);
    await b.put(kernelAt(4, 11));
    expect(story().at(-1)).toBe('k11');
  });
});

describe('many slots of one connection that are behind', () => {
  test('catch up in turns, one step at a time, and each gets every row in order', async () => {
    const b = bench();
    const streams = Array.from({ length: 6 }, (_, i) => `s${i}`);
    for (const [i, stream] of streams.entries()) {
      await b.put(begin(1, `00000000000000f${i}`, stream), kernelAt(0, 5, stream));
      for (let seq = 0; seq < 60_000; seq += 20_000) await b.put(frame(seq, 20_000, 1, stream));
    }
    let reading = 0;
    let most = 0;
    const outbound = new FakeOutbound();
    const turn = outbound.turn;
    outbound.turn = (work) =>
      turn(async () => {
        most = Math.max(most, ++reading);
        await work();
        reading--;
      });
    b.subscribe(outbound, { streams: ['*'], start: { positions: {}, others: 'oldest' } });
    for (let i = 0; i < 20; i++) await b.settled();
    expect(most).toBe(1);
    expect(outbound.of('live')).toHaveLength(6);
    for (const rows of perSlot(outbound).values()) expect(rows).toEqual(seqs(0, 60_000));
    // Nobody was served whole before the others had their turn.
    const order = outbound.of('trend').map(({ slot }) => slot);
    expect(order.slice(0, 12).filter((slot, i) => i > 0 && slot !== order[i - 1]).length).toBeGreaterThan(3);
  });
});

test('a stream that is deleted is gone, and may come again', async () => {
  const b = await two();
  const outbound = new FakeOutbound();
  b.subscribe(outbound, { streams: ['**'] });
  await b.put(frame(0, 3));
  await b.put({ type: 'deleted', stream: 's' });
  expect(outbound.of('removed')).toEqual([{ type: 'removed', id: 1, slots: [0], reason: 'deleted' }]);
  expect(b.hub.streams('**', () => true).map(({ name }) => name)).toEqual(['t']);
  expect(b.log.streams()).toEqual(['t']);
  await b.put(begin(1, '00000000000000e7'), kernelAt(0, 5), frame(0, 2));
  expect(outbound.of('added').at(-1)).toMatchObject({ streams: [{ epoch: '00000000000000e7', nextSeq: 0 }] });
  expect(outbound.of('trend').at(-1)).toMatchObject({ seq: 0, rows: 2 });
});

test('trends of a kernel that came into force on another machine are marked as recomputed', async () => {
  const b = bench();
  const elsewhere = kernelAt(0, 5);
  const { fingerprint } = await b.bank.obtain(elsewhere);
  await b.put(begin(), { ...elsewhere, fingerprint }, frame(0, 4), kernelAt(4, 5), frame(4, 4));
  const outbound = new FakeOutbound();
  b.subscribe(outbound, { start: { positions: {}, others: 'oldest' } });
  const raw = new FakeOutbound();
  b.subscribe(raw, { fields: ['raw'], start: { positions: {}, others: 'oldest' } });
  await b.settled();
  expect(outbound.of('trend').map(({ seq, recomputed }) => [seq, recomputed])).toEqual([
    [0, undefined],
    [4, true],
  ]);
  expect(raw.of('trend').every(({ recomputed }) => recomputed === undefined)).toBe(true);
});

test('rows at times of their own keep them, in every view', async () => {
  const b = await two();
  const [all, third, latest] = [new FakeOutbound(), new FakeOutbound(), new FakeOutbound()];
  b.subscribe(all);
  b.subscribe(third, { every: 3 });
  b.subscribe(latest, { mode: 'latest' });
  await b.put({ ...frame(0, 2), time: 1000 }, { ...frame(2, 2), time: 1217 }, { ...frame(4, 3), time: 1400 });
  const times = [1000, 1100, 1217, 1317, 1400, 1500, 1600];
  expect(all.of('trend')).toMatchObject([{ rows: 7, times: Float64Array.from(times) }]);
  expect(third.of('trend')).toMatchObject([
    { rows: 3, time: 1000, times: Float64Array.of(1000, 1317, 1600) },
  ]);
  expect(latest.of('trend')).toMatchObject([{ seq: 6, time: 1600 }]);
});
