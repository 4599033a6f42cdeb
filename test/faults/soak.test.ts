import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { serveProcess } from '../support/command.ts';
import { counts } from '../support/counts.ts';
import { type Feed, feed } from '../support/feed.ts';
import { type Follower, follow } from '../support/follower.ts';
import { gauges } from '../support/gauges.ts';
import { repositoryWith, sampleTaps, temporaryFolder } from '../support/models.ts';

/* Half of the highest load for a long time, with clients that come and go. */

const seconds = counts(45, 3600);
const streams = 4;
const shape = { channels: 8, rows: 16 };
/** How long the highest load is looked for (s). */
const probing = counts(4, 20);

/** Feeds as fast as acknowledgements come. @returns frames per second */
async function highest(feeds: readonly Feed[]): Promise<number> {
  const began = performance.now();
  let frames = 0;
  while (performance.now() - began < probing * 1000) {
    for (const each of feeds) each.send(64);
    frames += 64 * feeds.length;
    await Promise.all(feeds.map((each) => each.acknowledged()));
  }
  return (1000 * frames) / (performance.now() - began);
}

/** Of a line through them by least squares. */
function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: (point: readonly [number, number]) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [x, y] = [mean(([each]) => each), mean(([, each]) => each)];
  return mean((p) => (p[0] - x) * (p[1] - y)) / mean((p) => (p[0] - x) ** 2);
}

test(
  `${seconds} s at half the highest load: descriptors and timers are back once the clients have left${seconds === 3600 ? ', memory does not grow' : ''}`,
  async () => {
    const models = await repositoryWith(sampleTaps(33));
    const log = `file:${await temporaryFolder()}`;
    const daemon = await serveProcess([
      ...['--models', models, '--model', 'test', '--log', log, '--set', 'logLevel=warn'],
      ...['--set', 'retention.bytes=256MiB'],
    ]);
    const names = Array.from({ length: streams }, (_, n) => `soak/${n}`);
    // A first client, so that what the first one brings about once is there.
    (await follow(daemon.url, { streams: '**' })).socket.terminate();
    await expect.poll(async () => (await gauges(daemon.url)).connections).toBe(0);
    await sleep(500);
    const before = await gauges(daemon.url);

    const feeds = await Promise.all(names.map((stream) => feed(daemon.url, { ...shape, stream })));
    const follower = (): Promise<Follower> => follow(daemon.url, { streams: 'soak/*' });
    const steady = await Promise.all([follower(), follower()]);
    const most = await highest(feeds);
    const perSecond = most / 2;

    const began = performance.now();
    const memory: (readonly [hours: number, bytes: number])[] = [];
    let sent = 0;
    let guest: Follower | undefined;
    for (let next = 0; performance.now() - began < seconds * 1000; ) {
      const due = Math.floor(((performance.now() - began) / 1000) * perSecond);
      for (; sent < due; sent += streams) for (const each of feeds) each.send(1);
      await sleep(5);
      if (performance.now() - began < next) continue;
      next += 5000;
      // One more comes, and goes with the next.
      if (guest) expect(guest.faults).toEqual([]);
      guest?.socket.terminate();
      guest = await follower();
      await Promise.all(feeds.map((each) => each.acknowledged(60)));
      memory.push([
        (performance.now() - began) / 3_600_000,
        (await gauges(daemon.url)).residentBytes / 2 ** 20,
      ]);
    }
    guest?.socket.terminate();
    await Promise.all(feeds.map((each) => each.acknowledged(60)));
    const behind = () =>
      steady.filter(({ positions }) => feeds.some(({ stream, seq }) => positions.get(stream)!.seq !== seq))
        .length;
    await expect.poll(behind, { timeout: 30_000 }).toBe(0);
    for (const { faults } of steady) expect(faults).toEqual([]);
    for (const { socket } of steady) socket.close();
    for (const each of feeds) each.end();

    const now = () => gauges(daemon.url);
    await expect.poll(async () => (await now()).connections, { timeout: 10_000 }).toBe(0);
    await expect
      .poll(async () => (await now()).timers, { timeout: 10_000 })
      .toBeLessThanOrEqual(before.timers);
    // Beside the files of the log, of which there are more than at the start.
    const after = await now();
    const segments = after.descriptors - before.descriptors;
    const half = memory.slice(Math.floor(memory.length / 2));
    const perHour = slope(half);
    process.stdout.write(
      `soak: ${seconds} s at ${perSecond.toFixed(0)} of ${most.toFixed(0)} frames/s (${shape.channels} × ${shape.rows}); ` +
        `memory ${memory[0]![1].toFixed(0)} to ${memory.at(-1)![1].toFixed(0)} MiB, in the second half ${perHour.toFixed(1)} MiB/h; ` +
        `descriptors ${before.descriptors} to ${after.descriptors}, timers ${before.timers} to ${after.timers}\n`,
    );
    expect(segments).toBeLessThanOrEqual(streams);
    if (seconds === 3600) expect(perHour).toBeLessThan((5 * 1e6) / 2 ** 20);
    expect(await daemon.stop()).toBe(0);
  },
  (seconds + 300) * 1000,
);
