import { expect, test } from 'vitest';
import { counts } from '../support/counts.ts';
import { follow } from '../support/follower.ts';
import { gauges } from '../support/gauges.ts';
import { mustNotRise, pairs, reached, station } from '../support/station.ts';

/* Subscribers that stop reading, on sockets of the system, to a daemon that is a process of its own. */

const stream = 'load/a';
/** One row is what `latest` sends at a time: it fills sockets as fast as the lossless mode. */
const shape = { stream, channels: 1024, rows: 1 } as const;
const frameBytes = 48 + 2 * 4 * shape.channels * shape.rows;
const budget = 1024 * 1024;
const stalled = 100;
/** Pairs of windows that are compared, with the stalled ones and before they come. */
const rounds = counts(7, 41);
const limits = ['--set', 'retention.bytes=64MiB', '--set', `limits.outboundBytes=${budget}`];

test(`${stalled} subscribers that stop reading: memory bounded, each by the rule of its mode, the others unmoved (${rounds} pairs)`, async () => {
  const [with100, without] = [await station(shape, limits), await station(shape, limits)];
  const { daemon, source } = with100;
  const alike = await pairs(with100, without, rounds);
  const before = await gauges(daemon.url);
  const slow = await Promise.all(
    Array.from({ length: stalled }, (_, n) =>
      follow(daemon.url, { streams: stream, mode: n % 2 === 0 ? 'lossless' : 'latest' }),
    ),
  );
  for (const { socket } of slow) socket.pause();
  // More than the sockets of both ends and the budget hold, row by row; not more than the log does.
  for (let sent = 0; sent < 12 * 2 ** 20; sent += frameBytes) {
    source.send(1);
    without.source.send(1);
    await Promise.all([source.acknowledged(), without.source.acknowledged()]);
  }
  await reached([...with100.readers, ...without.readers], source);
  const during = await gauges(daemon.url);
  const perClient = (during.residentBytes - before.residentBytes) / stalled;

  with100.p99();
  without.p99();
  const compared = await pairs(with100, without, rounds);
  // Some read on while the log holds all: the lossless ones miss nothing, the latest ones are at the newest row.
  const [late, never] = [slow.slice(0, 20), slow.slice(20)];
  for (const { socket } of late) socket.resume();
  source.send(1);
  await reached(late, source);
  for (const [n, { faults, frames, replayed }] of late.entries()) {
    expect(faults).toEqual([]);
    if (n % 2 === 0) expect(replayed).toBeGreaterThan(0);
    else expect(frames).toBeLessThan(source.seq / shape.rows);
  }
  // The others until the log has let go of what they are owed: it is told, and nothing before it is missing.
  for (let sent = 0; sent < 80 * 2 ** 20; sent += (64 * frameBytes) / 2) {
    source.send(64);
    await source.acknowledged();
  }
  await reached([...with100.readers, ...late], source);
  for (const { socket } of never) socket.resume();
  for (const [n, each] of never.entries()) {
    if (n % 2 === 0) expect((await each.closed).code).toBe(4001);
    else await reached([each], source);
    expect(each.faults).toEqual([]);
  }
  for (const { faults } of [...with100.readers, ...without.readers]) expect(faults).toEqual([]);
  process.stdout.write(
    `slow subscribers: resident memory of the daemon per stalled client ${(perClient / 2 ** 20).toFixed(2)} MiB\n`,
  );
  expect(perClient).toBeLessThan(1.5 * budget);
  mustNotRise(alike, compared, `slow subscribers, ${stalled} stalled`);
  expect(await daemon.stop()).toBe(0);
});
