import { expect, test } from 'vitest';
import { connect, type FirtrendClient, type SubscriptionEvent } from '../../src/client/client.ts';
import { maxTaps } from '../../src/dsp/kernel.ts';
import { createTrendFilter } from '../../src/filter/trendFilter.ts';
import { encodeModel } from '../../src/model/encodeModel.ts';
import { promote, publish } from '../../src/model/repository.ts';
import { trendModel } from '../../src/model/trendModel.ts';
import type { StreamInfo } from '../../src/wire/serverMessages.ts';
import { serveProcess } from '../support/command.ts';
import { http } from '../support/http.ts';
import { repositoryWith, sampleTaps } from '../support/models.ts';

/* Kernels are swapped while a daemon, as a process of its own, works as hard as its producers can make it. */

const swaps = process.env.FIRTREND_MILESTONE ? 1000 : 20;
const names = ['load/a', 'load/b', 'load/c'];
const channels = 8;
const rows = 16;
/** Rows that the producer of a stream may be ahead of its subscriber. */
const ahead = 8192;
/** Each version another kernel, of another length. */
const tapsOf = (version: number): Float32Array => sampleTaps(1 + ((version * 37) % 129));

/** One sample, from its place alone; one in a hundred is missing. */
function sampleAt(stream: number, channel: number, seq: number): number {
  let hash = Math.imul(stream * 8 + channel + 1, 0x9e3779b1) ^ Math.imul(seq + 1, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = (hash ^ (hash >>> 12)) >>> 0;
  return hash % 100 === 0 ? Number.NaN : Math.fround((hash / 2 ** 32 - 0.5) * 1000);
}

function planesAt(stream: number, fromSeq: number, count: number): Float32Array {
  return Float32Array.from({ length: channels * count }, (_, i) =>
    sampleAt(stream, Math.floor(i / count), fromSeq + (i % count)),
  );
}

interface Seen {
  /** By frame, in the order they came. */
  readonly frames: {
    readonly seq: number;
    readonly rows: number;
    readonly trend: Float32Array;
    readonly coverage: Float32Array | undefined;
  }[];
  readonly kernels: { readonly seq: number; readonly version: number }[];
  nextSeq: number;
}

/** Follows all streams and keeps what comes; the daemon's promises on order are checked as it comes. */
async function follow(client: FirtrendClient, seen: readonly Seen[]): Promise<void> {
  const subscription = await client.subscribe({ streams: 'load/*', fields: ['trend', 'coverage'] });
  const of = (name: string): Seen => seen[names.indexOf(name)]!;
  const take = (event: SubscriptionEvent): void => {
    switch (event.type) {
      case 'subscribed':
      case 'added':
        for (const { name, version } of event.streams) of(name).kernels.push({ seq: 0, version: version! });
        return;
      case 'trend': {
        const { seq, trend, coverage } = event;
        if (seq !== of(event.name).nextSeq)
          throw new Error(`${event.name}: expected ${of(event.name).nextSeq}, got ${seq}`);
        of(event.name).frames.push({ seq, rows: event.rows, trend: trend!, coverage });
        of(event.name).nextSeq = seq + event.rows;
        return;
      }
      case 'kernel':
        for (const { name, seq } of event.changes) of(name).kernels.push({ seq, version: event.version! });
        return;
      // A subscriber that fell behind catches up; when the load has ended the streams are silent.
      case 'live':
      case 'stale':
        return;
      case 'disconnected':
      case 'resumed':
      case 'gap':
      case 'refused':
      case 'removed':
        throw new Error(`unexpected: ${JSON.stringify(event)}`);
    }
  };
  for await (const event of subscription) take(event);
}

/** What the kernel gives for rows `[fromSeq, toSeq)`, computed in one go from the samples alone. */
async function reference(stream: number, version: number, fromSeq: number, toSeq: number) {
  const taps = tapsOf(version);
  const filter = await createTrendFilter([{ taps, bias: 0 }], { device: { provider: 'cpu' } });
  const window = filter.createWindow(channels);
  const before = Math.min(fromSeq, maxTaps - 1);
  if (before > 0) window.push(planesAt(stream, fromSeq - before, before), before);
  const count = toSeq - fromSeq;
  const [block] = await filter.run([
    { window, gap: 0, planes: planesAt(stream, fromSeq, count), rows: count },
  ]);
  await filter.release();
  return block!;
}

/** The same from the definition, in float64. */
function float64(stream: number, channel: number, seq: number, taps: Float32Array): number {
  let sum = 0;
  let coverage = 0;
  for (let j = 0; j < taps.length && j <= seq; j++) {
    const x = sampleAt(stream, channel, seq - j);
    if (Number.isNaN(x)) continue;
    sum += taps[j]! * x;
    coverage += taps[j]!;
  }
  return coverage < 1 / (2 * taps.length) ? Number.NaN : sum / coverage;
}

test(`${swaps} swaps under full load: nothing lost or repeated, each output that of the kernel in force, bit for bit`, async () => {
  const models = await repositoryWith(tapsOf(1));
  for (let version = 2; version <= swaps + 1; version++) {
    const kernels = [{ taps: Float64Array.from(tapsOf(version)), bias: 0 }];
    await publish(models, 'test', encodeModel(trendModel({ kernels })));
  }
  const config = ['--set', 'watchInterval=50ms', '--set', 'retention.bytes=1GiB'];
  const daemon = await serveProcess(['--models', models, '--model', 'test', ...config]);
  const [producer, subscriber] = await Promise.all([connect(daemon.url), connect(daemon.url)]);
  const seen: Seen[] = names.map(() => ({ frames: [], kernels: [], nextSeq: 0 }));
  const following = follow(subscriber, seen);

  let feeding = true;
  const sent = names.map(() => 0);
  const producing = names.map(async (stream, s) => {
    const each = await producer.open({
      stream,
      channels: Array.from({ length: channels }, (_, c) => ({ name: `c${c}` })),
      rate: 1000,
    });
    while (feeding) {
      await each.send({ seq: sent[s]!, planes: planesAt(s, sent[s]!, rows) });
      sent[s]! += rows;
      // As fast as the whole path goes: what has been sent is to be seen, too.
      while (sent[s]! - seen[s]!.nextSeq > ahead) await new Promise((resolve) => setImmediate(resolve));
    }
    await each.flush();
  });
  const failed = Promise.race([following, ...producing]).then(() => expect.fail('the load ended'));
  /** Some frames with each kernel: seen, for what has been sent may still be on its way. */
  const fedWith = async (version: number): Promise<void> => {
    const met = ({ kernels, nextSeq }: Seen): boolean =>
      kernels.at(-1)?.version === version && nextSeq >= kernels.at(-1)!.seq + 20 * rows;
    const fed = expect.poll(() => seen.every(met), { timeout: 20_000, interval: 10 });
    await Promise.race([fed.toBe(true), failed]);
  };
  await fedWith(1);
  for (let version = 2; version <= swaps + 1; version++) {
    await promote(models, 'test', version);
    const versions = async () =>
      (await http(daemon.url, '/v1/streams')).json.streams.map((each: StreamInfo) => each.version);
    const reached = expect
      .poll(versions, { timeout: 20_000, interval: 10 })
      .toEqual(names.map(() => version));
    await Promise.race([reached, failed]);
    await fedWith(version);
  }
  feeding = false;
  await Promise.all(producing);
  await expect
    .poll(() => seen.every(({ nextSeq }, s) => nextSeq === sent[s]), { timeout: 30_000 })
    .toBe(true);
  await subscriber.close();
  await following;
  await producer.close();
  expect(await daemon.stop()).toBe(0);

  for (const [s, { frames, kernels, nextSeq }] of seen.entries()) {
    // Each promotion is one change at one seq, in order, under load.
    expect(kernels.map(({ version }) => version)).toEqual(Array.from({ length: swaps + 1 }, (_, i) => i + 1));
    expect(kernels.every(({ seq }, i) => i === 0 || seq > kernels[i - 1]!.seq)).toBe(true);
    expect(nextSeq).toBeGreaterThan(kernels.at(-1)!.seq);
    for (const [i, { seq: fromSeq, version }] of kernels.entries()) {
      const toSeq = kernels[i + 1]?.seq ?? nextSeq;
      const block = await reference(s, version, fromSeq, toSeq);
      const taps = tapsOf(version);
      const tolerance = 500 * (taps.length + 2) * 2 ** -24;
      let compared = 0;
      for (const frame of frames) {
        if (frame.seq >= toSeq || frame.seq + frame.rows <= fromSeq) continue;
        // No frame crosses a swap.
        expect(frame.seq >= fromSeq && frame.seq + frame.rows <= toSeq).toBe(true);
        for (let c = 0; c < channels; c++) {
          for (let row = 0; row < frame.rows; row++) {
            const at = c * (toSeq - fromSeq) + frame.seq - fromSeq + row;
            const got = frame.trend[c * frame.rows + row]!;
            const coverage = frame.coverage?.[c * frame.rows + row] ?? 1;
            if (!Object.is(got, block.trend[at]) || coverage !== (block.coverage?.[at] ?? 1)) {
              expect.fail(`${names[s]} ${version} seq ${frame.seq + row}: ${got} is not ${block.trend[at]}`);
            }
            compared++;
          }
        }
        // Of each frame one output against the definition.
        const exact = float64(s, frame.seq % channels, frame.seq, taps);
        const got = frame.trend[(frame.seq % channels) * frame.rows]!;
        if (!(Math.abs(got - exact) <= tolerance || (Number.isNaN(got) && Number.isNaN(exact)))) {
          expect.fail(`${names[s]} ${version} seq ${frame.seq}: ${got} is not ${exact}`);
        }
      }
      expect(compared).toBe(channels * (toSeq - fromSeq));
    }
  }
}, 600_000);
