import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { type ConnectOptions, connect, type FirtrendClient } from '../../src/client/client.ts';
import { createTrendFilter } from '../../src/filter/trendFilter.ts';
import { integer, randomFrom } from '../filter/support.ts';
import { counts, seed } from '../support/counts.ts';
import { cuttingProxy } from '../support/cuttingProxy.ts';
import { startDaemon, testTaps } from '../support/daemon.ts';

/* A client against the daemon, through a cable that is pulled again and again. */

const channels = [{ name: 'x' }, { name: 'y' }];
const reconnect = { minDelay: 2, maxDelay: 20 };

async function client(url: string, options: ConnectOptions = {}): Promise<FirtrendClient> {
  const made = await connect(url, { reconnect, ...options });
  onTestFinished(() => made.close());
  return made;
}

/** What `firtrend apply` makes of the whole: `[channel][row]`. */
async function applied(planes: Float32Array): Promise<Float32Array> {
  const kernels = [{ taps: Float32Array.from(testTaps), bias: 0 }];
  const filter = await createTrendFilter(kernels, { device: { provider: 'cpu' } });
  const window = filter.createWindow(channels.length);
  const [block] = await filter.run([{ window, gap: 0, planes, rows: planes.length / channels.length }]);
  await filter.release();
  return block!.trend;
}

const rounds = counts(4, 100);
/** Over all rounds: a single one may be through between two cuts. */
const reached = { cuts: 0, resumed: 0 };
afterAll(() => {
  expect(reached.cuts).toBeGreaterThan(4 * rounds);
  expect(reached.resumed).toBeGreaterThan(0);
});

test.each(Array.from({ length: rounds }, (_, i) => i))(
  `random cuts on both sides: each trend once, in order, as apply has it (seed ${seed}, round %i)`,
  async (round) => {
    const random = randomFrom(seed + round);
    const daemon = await startDaemon();
    const [nearSource, nearSink] = [await cuttingProxy(daemon.url), await cuttingProxy(daemon.url)];
    const subprotocol = round % 2 === 0 ? 'firtrend.v1.bin' : 'firtrend.v1.json';
    const [source, sink] = [
      await client(nearSource.url, { subprotocol }),
      await client(nearSink.url, { subprotocol, highWater: 20_000 }),
    ];
    const rows = 6000;
    const planes = Float32Array.from({ length: 2 * rows }, () => random() - 0.5);
    const expected = await applied(planes);

    const subscription = await sink.subscribe({ streams: 's/*', fields: ['trend', 'raw'] });
    const got = new Float32Array(2 * rows);
    let next = 0;
    const following = (async () => {
      for await (const event of subscription) {
        if (event.type === 'resumed') reached.resumed++;
        if ('streams' in event) expect(event.streams.filter(({ lost }) => lost)).toEqual([]);
        expect(event.type).not.toBe('gap');
        if (event.type !== 'trend') continue;
        expect(event.seq).toBe(next);
        for (let c = 0; c < 2; c++)
          got.set(event.trend!.subarray(c * event.rows, (c + 1) * event.rows), c * rows + next);
        next += event.rows;
        if (random() < 0.02) await sleep(integer(random, 1, 10));
        if (next === rows) break;
      }
    })();

    const cutting = (async () => {
      while (next < rows) {
        await sleep(integer(random, 3, 40));
        if (random() < 0.5) nearSource.cut();
        if (random() < 0.5) nearSink.cut();
      }
    })();
    const producer = await source.open({ stream: 's/a', channels, rate: 64 });
    for (let from = 0; from < rows; ) {
      const to = Math.min(rows, from + integer(random, 1, 60));
      await producer.send({ values: [0, 1].map((c) => planes.subarray(c * rows + from, c * rows + to)) });
      from = to;
      if (random() < 0.3) await sleep(1);
    }
    await producer.flush();
    expect(producer.acked).toBe(rows);
    await Promise.all([following, cutting]);
    expect(got).toEqual(expected);
    reached.cuts += nearSource.accepted + nearSink.accepted;
  },
);

test('a stream that began while the connection was gone is told from its first sample on', async () => {
  const daemon = await startDaemon();
  const proxy = await cuttingProxy(daemon.url);
  const [source, sink] = [
    await client(daemon.url),
    await client(proxy.url, { reconnect: { minDelay: 800, maxDelay: 800 } }),
  ];
  const subscription = await sink.subscribe({ streams: '**' });
  proxy.cut();
  expect((await subscription.next()).value).toMatchObject({ type: 'subscribed' });
  expect((await subscription.next()).value).toMatchObject({
    type: 'disconnected',
    error: { closeCode: 1006 },
  });
  const producer = await source.open({ stream: 's', channels: [{ name: 'x' }], rate: 64 });
  await producer.send({ values: [[1, 2, 3]] });
  await producer.flush();
  expect((await subscription.next()).value).toMatchObject({
    type: 'resumed',
    streams: [{ name: 's', fromSeq: 0 }],
  });
  for (;;) {
    const { value } = await subscription.next();
    if (value?.type !== 'trend') continue;
    expect(value).toMatchObject({ seq: 0, replay: true });
    break;
  }
});

test('a daemon that comes back without its log: the new epoch is told whole, and that the old one is gone', async () => {
  const first = await startDaemon();
  const port = Number(new URL(first.url).port);
  const [source, sink] = [await client(first.url), await client(first.url, { reconnect: { minDelay: 300 } })];
  const epochs: string[] = [];
  const producer = await source.open({
    stream: 's',
    channels: [{ name: 'x' }],
    rate: 64,
    onEpoch: (epoch) => epochs.push(epoch),
  });
  const before = producer.epoch;
  const subscription = await sink.subscribe({ streams: '**', fields: ['raw'] });
  await producer.send({ values: [[1, 2, 3]] });
  await producer.flush();
  await first.close();
  // Sent while nobody is there: it waits, and goes to the next daemon.
  const late = producer.send({ values: [[4, 5]] });
  await startDaemon({ port });
  await late;
  await producer.send({ seq: 5, values: [[6]] });
  await producer.flush();
  expect(epochs).toEqual([producer.epoch]);
  expect(producer.epoch).not.toBe(before);
  expect(producer).toMatchObject({ nextSeq: 6, acked: 6, shift: -3 });
  const raw: number[] = [];
  const told: object[] = [];
  for await (const event of subscription) {
    if (event.type === 'trend') raw.push(...event.raw!);
    else told.push(event);
    if (raw.length === 6) break;
  }
  expect(raw).toEqual([1, 2, 3, 4, 5, 6]);
  const lost = { fromSeq: 0, toSeq: 0, reason: 'epoch' };
  expect(told).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        streams: [expect.objectContaining({ epoch: producer.epoch, recovered: false, lost })],
      }),
    ]),
  );
});

test('a half-open connection is noticed within two heartbeats, and what was under way goes again', async () => {
  const daemon = await startDaemon({ ping: { interval: 100, timeout: 100 } });
  const proxy = await cuttingProxy(daemon.url);
  const source = await client(proxy.url);
  const producer = await source.open({ stream: 's', channels: [{ name: 'x' }], rate: 64 });
  proxy.swallow();
  const began = performance.now();
  await producer.send({ values: [[1, 2, 3]] });
  await producer.flush();
  expect(proxy.accepted).toBe(2);
  expect(performance.now() - began).toBeLessThan(1500);
  expect(producer.acked).toBe(3);
});

test('50 clients that are cut off at once all come back, spread by jitter', async () => {
  const daemon = await startDaemon();
  const proxy = await cuttingProxy(daemon.url);
  const clients = await Promise.all(
    Array.from({ length: 50 }, () => client(proxy.url, { reconnect: { minDelay: 400 } })),
  );
  const waits: number[] = [];
  const back = clients.map(
    (one) =>
      new Promise<void>((resolve) => {
        one.onState((state) => {
          if (state.status === 'waiting') waits.push(state.retryAt - Date.now());
          if (state.status === 'connected') resolve();
        });
      }),
  );
  proxy.cut();
  await Promise.all(back);
  // Uniform over 400 ms: neither all early nor all late.
  expect(waits.length).toBeGreaterThanOrEqual(50);
  expect(waits.slice(0, 50).filter((wait) => wait < 200).length).toBeGreaterThan(10);
  expect(waits.slice(0, 50).filter((wait) => wait >= 200).length).toBeGreaterThan(10);
});
