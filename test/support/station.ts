import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { type ServeProcess, serveProcess } from './command.ts';
import { type Feed, feed } from './feed.ts';
import { type Follower, follow } from './follower.ts';
import { repositoryWith, sampleTaps } from './models.ts';

/** Of sorted values. */
const quantile = (sorted: readonly number[], p: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))]!;
const median = (values: readonly number[]): number =>
  quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );

const framesPerRound = 200;

/** A daemon process with a model `test@1`, a producer and subscribers that read, one of which measures. */
export interface Station {
  readonly daemon: ServeProcess;
  readonly models: string;
  readonly source: Feed;
  readonly readers: readonly Follower[];
  /** Sends a frame. */
  tick(): void;
  /** p99 from the sending of a frame to the arrival of its trend, of what came since the last call (ms). */
  p99(): number;
}

/** @param args of `firtrend serve`, beside those for the model */
export async function station(
  shape: { readonly stream: string; readonly channels: number; readonly rows: number },
  args: readonly string[],
): Promise<Station> {
  const { stream } = shape;
  const models = await repositoryWith(sampleTaps(33));
  const daemon = await serveProcess([
    ...['--models', models, '--model', 'test', '--log', 'memory', '--set', 'logLevel=warn'],
    ...args,
  ]);
  const source = await feed(daemon.url, shape);
  const sentAt: number[] = [];
  let latencies: number[] = [];
  const readers = [
    await follow(daemon.url, {
      streams: stream,
      onFrame(seq, rows) {
        const now = performance.now();
        for (let at = seq; at < seq + rows; at += shape.rows) latencies.push(now - sentAt[at / shape.rows]!);
      },
    }),
    ...(await Promise.all(Array.from({ length: 3 }, () => follow(daemon.url, { streams: stream })))),
  ];
  return {
    daemon,
    models,
    source,
    readers,
    tick() {
      sentAt[source.seq / shape.rows] = performance.now();
      source.send(1);
    },
    p99() {
      const sorted = latencies.sort((a, b) => a - b);
      latencies = [];
      return quantile(sorted, 0.99);
    },
  };
}

interface Pair {
  readonly one: number;
  readonly other: number;
}

/** p99 of two daemons that do the same at the same time: what else the machine does meets both. */
export async function pairs(one: Station, other: Station, count: number): Promise<Pair[]> {
  const all: Pair[] = [];
  for (let round = -1; round < count; round++) {
    for (let n = 0; n < framesPerRound; n++) {
      // Neither is always the first.
      const [first, second] = n % 2 === 0 ? [one, other] : [other, one];
      first.tick();
      await sleep(1);
      second.tick();
      await sleep(1);
    }
    for (const each of [one, other]) await reached(each.readers, each.source);
    const pair = { one: one.p99(), other: other.p99() };
    if (round >= 0) all.push(pair);
  }
  return all;
}

/** All hold all that was sent. */
export async function reached(followers: readonly Follower[], { stream, seq }: Feed): Promise<void> {
  const at = (follower: Follower): number => follower.positions.get(stream)!.seq;
  await expect
    .poll(() => followers.every((each) => at(each) === seq), { timeout: 60_000, interval: 20 })
    .toBe(true);
}

/**
 * What `compared` is higher than `alike`, by the pair, in order (ms): what two daemons differ in anyhow is due to nothing
 * that was done to one of them.
 */
function risesOf(alike: readonly Pair[], compared: readonly Pair[]): number[] {
  const usual = median(alike.map(({ one, other }) => one - other));
  return compared.map(({ one, other }) => one - other - usual).sort((a, b) => a - b);
}

/** A rise there is when all pairs but one say so: on a machine with other work each may say anything. */
export function mustNotRise(alike: readonly Pair[], compared: readonly Pair[], what: string): void {
  const rises = risesOf(alike, compared);
  const shown = (pairs: readonly Pair[]): string =>
    `${median(pairs.map(({ one }) => one)).toFixed(2)} : ${median(pairs.map(({ other }) => other)).toFixed(2)}`;
  process.stdout.write(
    `${what}: p99 with : without ${shown(compared)} ms, before ${shown(alike)} ms; rise by pairs, quartiles ` +
      `${[0.25, 0.5, 0.75].map((p) => quantile(rises, p).toFixed(2)).join(' ')} ms\n`,
  );
  expect(rises[1]).toBeLessThan(Math.max(0.3, 0.1 * median(compared.map(({ other }) => other))));
}
