import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type ServeProcess, serveProcess } from '../support/command.ts';
import { counts } from '../support/counts.ts';
import { type Feed, feed } from '../support/feed.ts';
import { type Follower, follow } from '../support/follower.ts';
import { repositoryWith, sampleTaps, temporaryFolder } from '../support/models.ts';
import { proxyTo, type TcpProxy } from '../support/proxy.ts';

/* Many clients lose their connection at the same moment, and come back as docs/protocol.md tells them to. */

const clients = counts(200, 1000);
const names = ['fleet/a', 'fleet/b', 'fleet/c', 'fleet/d'];
const shape = { channels: 4, rows: 8 };
/** Each reads what it missed from a log of files. */
const afterKill = 200;
/** The first wait is up to this (ms), the further ones up to twice that. */
const firstWait = 2000;

/** A subscriber that comes back whenever it is cut off, and goes on from where it was. */
interface Lasting {
  readonly positions: Follower['positions'];
  readonly faults: readonly string[];
  readonly lost: number;
  /** How often it was connected. */
  readonly times: number;
}

async function lasting(url: string): Promise<Lasting> {
  const faults: string[] = [];
  let times = 1;
  let lost = 0;
  let over = false;
  onTestFinished(() => {
    over = true;
    current.socket.terminate();
  });
  let current = await follow(url, { streams: 'fleet/*' });

  async function keep(): Promise<void> {
    while (!over) {
      const { code } = await current.closed;
      faults.push(...current.faults);
      lost += current.lost;
      if (over) return;
      if (code !== 1006 && (code < 4000 || code >= 4500)) faults.push(`closed with ${code}`);
      for (let most = firstWait; !over; most = Math.min(2 * most, 4000)) {
        await sleep(Math.random() * most);
        try {
          current = await follow(url, { streams: 'fleet/*', from: current.positions, outlives: true });
          times++;
          break;
        } catch {
          // The next one waits longer.
        }
      }
    }
  }
  keep().catch((error: unknown) => void faults.push(String(error)));
  return {
    get positions() {
      return current.positions;
    },
    get faults() {
      return [...faults, ...current.faults];
    },
    get lost() {
      return lost + current.lost;
    },
    get times() {
      return times;
    },
  };
}

/** Waits until all are connected again and hold all that there is. @returns how long it took (ms) */
async function recovered(
  all: readonly Lasting[],
  feeds: readonly Feed[],
  since: number,
  times: number,
): Promise<number> {
  const there = (each: Lasting): boolean =>
    each.times === times &&
    feeds.every(({ stream, seq }) => each.positions.get(stream)!.seq >= seq - 2 * shape.rows);
  while (!all.every(there)) {
    if (performance.now() - since > 60_000) break;
    await sleep(10);
  }
  return performance.now() - since;
}

function told(what: string, count: number, ms: number, { arrivals }: TcpProxy, since: number): void {
  const after = arrivals.filter((at) => at >= since).map((at) => at - since);
  const tenths = new Map<number, number>();
  for (const at of after) tenths.set(Math.floor(at / 100), (tenths.get(Math.floor(at / 100)) ?? 0) + 1);
  const most = Math.max(...tenths.values());
  process.stdout.write(
    `${count} clients, ${what}: all recovered after ${(ms / 1000).toFixed(2)} s, ${after.length} attempts, at most ${most} in 100 ms\n`,
  );
  // Evenly spread it would be a twentieth; a machine with other work bunches some.
  expect(most).toBeLessThan(Math.max(10, count / 3));
}

async function fed(daemon: ServeProcess, before?: readonly Feed[]): Promise<Feed[]> {
  return Promise.all(
    names.map((stream, n) => feed(daemon.url, { ...shape, stream, ...(before && { after: before[n]! }) })),
  );
}

function feeding(feeds: readonly Feed[]): { stop(): Promise<void> } {
  const timer = setInterval(() => {
    for (const each of feeds) each.send(1);
  }, 100);
  onTestFinished(() => clearInterval(timer));
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(feeds.map((each) => each.acknowledged()));
    },
  };
}

/** Everybody holds everything, and nothing was wrong on the way. */
async function whole(all: readonly Lasting[], feeds: readonly Feed[]): Promise<void> {
  const behind = () =>
    all.filter(({ positions }) => feeds.some(({ stream, seq }) => positions.get(stream)!.seq !== seq)).length;
  await expect.poll(behind, { timeout: 20_000 }).toBe(0);
  expect(all.flatMap(({ faults }) => faults).slice(0, 5)).toEqual([]);
  expect(all.reduce((sum, { lost }) => sum + lost, 0)).toBe(0);
}

describe('clients that come back at once have all recovered in 10 s, and nothing is lost', () => {
  test(`${clients} that were cut off while the daemon stays and is fed`, async () => {
    const daemon = await serveProcess([
      '--models',
      await repositoryWith(sampleTaps(33)),
      '--model',
      'test',
      '--log',
      'memory',
    ]);
    const proxy = await proxyTo(daemon.url);
    const feeds = await fed(daemon);
    const load = feeding(feeds);
    const all = await Promise.all(Array.from({ length: clients }, () => lasting(proxy.url)));
    await sleep(500);
    for (let times = 2; times <= counts(2, 4); times++) {
      const cut = performance.now();
      proxy.cut();
      const ms = await recovered(all, feeds, cut, times);
      told('cut off', all.length, ms, proxy, cut);
      expect(ms).toBeLessThan(10_000);
    }
    await load.stop();
    await whole(all, feeds);
    expect(await daemon.stop()).toBe(0);
  });

  test(`${afterKill} after the daemon was killed, and is back on what its log holds`, async () => {
    const args = [
      '--models',
      await repositoryWith(sampleTaps(33)),
      '--model',
      'test',
      '--log',
      `file:${await temporaryFolder()}`,
    ];
    const first = await serveProcess(args);
    const proxy = await proxyTo(first.url);
    const before = await fed(first);
    const load = feeding(before);
    const all = await Promise.all(Array.from({ length: afterKill }, () => lasting(proxy.url)));
    await sleep(500);
    await load.stop();
    first.kill('SIGKILL');
    await first.ended;
    const second = await serveProcess(args);
    const since = performance.now();
    proxy.target(second.url);
    const feeds = await fed(second, before);
    const again = feeding(feeds);
    const ms = await recovered(all, feeds, since, 2);
    told('daemon killed', all.length, ms, proxy, since);
    expect(ms).toBeLessThan(10_000);
    await again.stop();
    await whole(all, feeds);
    expect(await second.stop()).toBe(0);
  });
});
