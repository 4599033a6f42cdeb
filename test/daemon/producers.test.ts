import { describe, expect, test } from 'vitest';
import { startDaemon } from '../support/daemon.ts';
import { type RawClient, type RawSubprotocol, rawClient } from '../support/rawClient.ts';

const open = { type: 'open', stream: 's', channels: [{ name: 'x' }], rate: 10 };

const acked = (client: RawClient, slot: number, nextSeq: number) =>
  client.until((m) => m.type === 'ack' && m.slot === slot && m.nextSeq === nextSeq);

/** Channel 0 of all that a slot was sent, in order; each seq must follow the one before. */
function rows(client: RawClient, slot: number, field: 'trend' | 'raw' = 'raw'): number[] {
  const all: number[] = [];
  for (const message of client.messages) {
    if (message.type !== 'trend' || message.slot !== slot) continue;
    expect(message.seq).toBe(all.length);
    all.push(...message[field][0]);
  }
  return all;
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe.each<RawSubprotocol>(['firtrend.v1.json', 'firtrend.v1.bin'])('a producer in %s', (subprotocol) => {
  const start = async () => {
    const { url } = await startDaemon();
    const [producer, watcher] = await Promise.all([
      rawClient(url, { subprotocol }),
      rawClient(url, { subprotocol }),
    ]);
    return { url, producer, watcher };
  };

  test('resends what it has no answer for: each sample once, the first value stays, all is acknowledged', async () => {
    const { url, producer, watcher } = await start();
    const { slot, epoch } = await producer.ask({ ...open, producer: 'device-7' });
    const { streams } = await watcher.ask({ type: 'subscribe', streams: ['s'], fields: ['raw'] });
    producer.samples({ slot, seq: 0, values: [numbers(0, 10)] });
    await acked(producer, slot, 10);
    producer.socket.terminate();
    const again = await rawClient(url, { subprotocol });
    const opened = await again.ask({ ...open, producer: 'device-7', epoch, nextSeq: 4 });
    expect(opened).toMatchObject({ epoch, nextSeq: 10 });
    // It does not know what was committed: from 4 on, with other values for what is.
    again.samples({ slot: opened.slot, seq: 4, values: [numbers(104, 110)] });
    again.samples({ slot: opened.slot, seq: 8, values: [[108, 109, 10, 11]] });
    again.samples({ slot: opened.slot, seq: 8, values: [[108, 109, 110, 111]] });
    await acked(again, opened.slot, 12);
    await watcher.until((m) => m.type === 'trend' && m.seq + m.raw[0].length === 12);
    expect(rows(watcher, streams[0].slot)).toEqual(numbers(0, 12));
    const acks = again.messages.filter(({ type }) => type === 'ack').map(({ nextSeq }) => nextSeq);
    expect(acks).toEqual([...acks].sort((a, b) => a - b));
  });

  test('feeds several streams on one socket, each acknowledged by its own slot', async () => {
    const { producer, watcher } = await start();
    await watcher.ask({ type: 'subscribe', streams: ['lab/*'], fields: ['raw'] });
    const slots = await Promise.all(
      ['a', 'b', 'c'].map(
        async (name) => (await producer.ask({ ...open, stream: `lab/${name}` })).slot as number,
      ),
    );
    for (let n = 0; n < 30; n++) {
      const slot = slots[n % 3]!;
      producer.samples({ slot, values: [[100 * slot + Math.floor(n / 3)]] });
    }
    await Promise.all(slots.map((slot) => acked(producer, slot, 10)));
    const added = watcher.messages.filter(({ type }) => type === 'added').flatMap(({ streams }) => streams);
    expect(added.map(({ name }) => name)).toEqual(['lab/a', 'lab/b', 'lab/c']);
    for (const [i, { slot }] of added.entries()) {
      await watcher.until((m) => m.type === 'trend' && m.slot === slot && m.seq + m.raw[0].length === 10);
      expect(rows(watcher, slot)).toEqual(numbers(100 * slots[i]!, 100 * slots[i]! + 10));
    }
  });

  test('is taken over by itself, or by whoever says so; what it still sends goes nowhere', async () => {
    const { url, producer, watcher } = await start();
    const ghost = await producer.ask({ ...open, producer: 'device-7' });
    producer.samples({ slot: ghost.slot, values: [[0, 1]] });
    await acked(producer, ghost.slot, 2);
    const [stranger, self] = await Promise.all([1, 2].map(() => rawClient(url, { subprotocol })));
    expect(await stranger!.ask(open)).toMatchObject({ code: 'streamBusy', field: 'stream' });
    const mine = await self!.ask({ ...open, producer: 'device-7' });
    expect(mine).toMatchObject({ type: 'opened', nextSeq: 2 });
    expect(await producer.until(({ type }) => type === 'closed')).toMatchObject({
      slot: ghost.slot,
      reason: 'takenOver',
    });
    const { streams } = await watcher.ask({
      type: 'subscribe',
      streams: ['s'],
      fields: ['raw'],
      start: { positions: {}, others: 'oldest' },
    });
    producer.samples({ slot: ghost.slot, values: [[666]] });
    expect(await producer.until(({ type }) => type === 'error')).toMatchObject({
      code: 'unknownSlot',
      slot: ghost.slot,
    });
    const theirs = await stranger!.ask({ ...open, takeover: true });
    await self!.until(({ type }) => type === 'closed');
    stranger!.samples({ slot: theirs.slot, values: [[2]] });
    await watcher.until((m) => m.type === 'trend' && m.seq + m.raw[0].length === 3);
    expect(rows(watcher, streams[0].slot)).toEqual([0, 1, 2]);
  });

  test('that has rebooted counts from 0: it hears where to begin, and nothing it sends is lost in silence', async () => {
    const { producer } = await start();
    const first = await producer.ask(open);
    producer.samples({ slot: first.slot, values: [[1, 2, 3]] });
    await acked(producer, first.slot, 3);
    await producer.ask({ type: 'close', slot: first.slot });
    const again = await producer.ask(open);
    expect(again.nextSeq).toBe(3);
    for (const seq of [0, 1]) producer.samples({ slot: again.slot, seq, values: [[9]] });
    await producer.until((m) => m.type === 'error' && /got 1$/.test(m.message));
    const errors = producer.messages.filter(({ type }) => type === 'error');
    expect(errors).toMatchObject([
      { code: 'seqBelowHead', slot: again.slot, message: expect.stringMatching(/at least 3.*got 0$/) },
      { code: 'seqBelowHead', slot: again.slot },
    ]);
    // The slot stays open, and its own frames may be resent.
    producer.samples({ slot: again.slot, seq: 3, values: [[4]] });
    producer.samples({ slot: again.slot, seq: 3, values: [[4]] });
    producer.samples({ slot: again.slot, seq: 4, values: [[5]] });
    await acked(producer, again.slot, 5);
  });

  test('numbers, stamps and gaps are the daemon’s where it leaves them out', async () => {
    const { producer, watcher } = await start();
    const { slot } = await producer.ask(open);
    const { streams } = await watcher.ask({ type: 'subscribe', streams: ['s'], fields: ['raw'] });
    const before = Date.now();
    producer.samples({ slot, values: [[1, null, -0]] });
    await acked(producer, slot, 3);
    producer.samples({ slot, seq: 10, time: 5000, period: 50, values: [[0.1]] });
    await watcher.until((m) => m.type === 'trend' && m.seq === 10);
    const [stamped, timed] = watcher.messages.filter(({ type }) => type === 'trend');
    expect(stamped).toMatchObject({ slot: streams[0].slot, seq: 0, period: 100, raw: [[1, null, -0]] });
    expect(Object.is(stamped!.raw[0][2], -0)).toBe(true);
    expect(stamped!.time + 200).toBeGreaterThanOrEqual(before - 1);
    expect(stamped!.time + 200).toBeLessThanOrEqual(Date.now());
    expect(timed).toMatchObject({ time: 5000, period: 50, afterGap: true });
    expect(Math.fround(timed!.raw[0][0])).toBe(Math.fround(0.1));
    expect(watcher.messages.find(({ type }) => type === 'gap')).toMatchObject({
      fromSeq: 3,
      toSeq: 10,
      reason: 'source',
    });
  });
});

test('both subprotocols tell the same stream the same, bit for bit, live and from the log', async () => {
  const { url } = await startDaemon();
  const [producer, json, bin] = await Promise.all([
    rawClient(url, { subprotocol: 'firtrend.v1.bin' }),
    rawClient(url),
    rawClient(url, { subprotocol: 'firtrend.v1.bin' }),
  ]);
  const channels = ['x', 'y', 'z'].map((name) => ({ name }));
  const { slot } = await producer.ask({ ...open, channels });
  const view = {
    type: 'subscribe',
    streams: ['s'],
    fields: ['trend', 'raw', 'coverage'],
    channels: ['z', 'x'],
  };
  for (const client of [json, bin]) await client.ask(view);
  for (let seq = 0; seq < 400; seq += 20) {
    if (seq === 200) continue;
    const values = channels.map((_, c) =>
      numbers(seq, seq + 20).map((n) => ((n * 7 + c) % 31 === 0 ? null : Math.fround(Math.sin(n + c) * 1e3))),
    );
    producer.samples({ slot, seq, time: 1e12 + seq * 3 + (seq % 60), values });
  }
  await acked(producer, slot, 400);
  for (const client of [json, bin]) {
    await client.until((m) => m.type === 'trend' && m.seq + m.raw[0].length === 400);
    await client.ask({ ...view, start: { positions: {}, others: 'oldest' } });
    await client.until(({ type }) => type === 'live');
  }
  /** Row by row, however they were cut; JSON's decimals are float32. */
  const told = (client: RawClient) =>
    client.messages
      .filter(({ type }) => type === 'trend')
      .flatMap((m) =>
        numbers(0, m.raw[0].length).map((i) => [
          m.slot,
          m.seq + i,
          m.times?.[i] ?? m.time + i * m.period,
          m.replay,
          ...['trend', 'raw', 'coverage'].flatMap((field) =>
            // Asked for and absent: all ones.
            [0, 1].map((c) => (m[field] ? m[field][c][i] : 1)),
          ),
        ]),
      )
      .map((row) =>
        row.map((value) => (typeof value === 'number' && value < 1e9 ? Math.fround(value) : value)),
      );
  expect(told(json)).toHaveLength(2 * 380);
  expect(told(bin)).toEqual(told(json));
});
