import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { anyone } from '../../src/daemon/principal.ts';
import { serveProcess } from '../support/command.ts';
import { startDaemon } from '../support/daemon.ts';
import { repositoryWith, sampleTaps, temporaryFolder } from '../support/models.ts';
import { rawClient } from '../support/rawClient.ts';

/* The clock of the system jumps by an hour, forwards and back: nothing that is a duration may notice. */

/** Where Debian and its kin, Fedora and Arch put it. */
const library = [
  '/usr/lib/x86_64-linux-gnu/faketime',
  '/usr/lib/aarch64-linux-gnu/faketime',
  '/usr/lib64/faketime',
  '/usr/lib/faketime',
]
  .map((folder) => join(folder, 'libfaketimeMT.so.1'))
  .find((path) => existsSync(path));

const hour = 3_600_000;
const heartbeat = 500;
const perSecond = 50;
/** How long the token is good that ends (ms). */
const tokenMs = 7000;
const open = { type: 'open', stream: 's', channels: [{ name: 'x' }], rate: 10 };

/** Whose token ends when it was to end, and what else a daemon must go on doing while `jump` sets its clock so many ms off. */
async function unmoved(
  url: string,
  {
    tokens,
    ends,
    jump,
  }: {
    readonly tokens: { readonly lasting: string; readonly ending: string };
    /** Ms since 1970, by a clock that is right. */
    readonly ends: number;
    readonly jump: (ms: number) => Promise<void>;
  },
): Promise<void> {
  const alive = heartbeat / 4;
  const [speaking, silent, ending] = await Promise.all([
    rawClient(url, { token: tokens.lasting, alive }),
    rawClient(url, { token: tokens.lasting }),
    rawClient(url, { token: tokens.ending, alive }),
  ]);
  const began = performance.now();
  const quiet = silent.closed.then(({ code }) => ({ code, took: performance.now() - began }));
  const ended = ending.closed.then(({ code }) => ({ code, late: realNow() - ends }));
  const { slot } = await speaking.ask(open);
  await speaking.ask({ type: 'subscribe', streams: ['*'], mode: 'latest', minPeriod: 400, fields: ['raw'] });

  // Rates: a bucket of a second's worth, then as fast as it fills, whatever the clock says.
  const messages = 3 * perSecond;
  for (let id = 100; id < 100 + messages; id++) ending.send({ type: 'streams', id });
  await jump(hour);
  speaking.send({ type: 'alive', t: 77 });
  const { t } = await speaking.until((m) => m.type === 'alive' && m.echo === 77);
  // The jump is there.
  expect(Math.abs(t - realNow() - hour)).toBeLessThan(60_000);
  const fed = performance.now();
  for (let seq = 0; seq < 40; seq++) {
    speaking.samples({ slot, seq, values: [[seq]] });
    await sleep(50);
    if (seq === 13) await jump(-hour);
    if (seq === 26) await jump(0);
  }
  await speaking.until((m) => m.type === 'trend' && m.seq === 39);
  const feeding = performance.now() - fed;
  await ending.until((m) => m.id === 99 + messages, 10);
  const rated = performance.now() - began;
  const least = ((messages - perSecond) / perSecond) * 1000;
  expect(rated).toBeGreaterThan(least - 200);
  expect(rated).toBeLessThan(least + 2500);

  // `minPeriod`: a row each 400 ms, none earlier and none held back.
  const rows = speaking.messages.filter(({ type }) => type === 'trend').length;
  expect(rows).toBeGreaterThanOrEqual(feeding / 400 - 2);
  expect(rows).toBeLessThanOrEqual(feeding / 400 + 2);

  // Heartbeats: the silent one goes when it would have gone, those that speak stay.
  const { code, took } = await quiet;
  expect(code).toBe(4002);
  expect(took).toBeGreaterThan(2 * heartbeat - 100);
  expect(took).toBeLessThan(2 * heartbeat + 800);
  // Tokens: what was left when it came.
  const { late, ...with4004 } = await ended;
  expect(with4004).toEqual({ code: 4004 });
  expect(Math.abs(late)).toBeLessThan(1000);
  expect(await speaking.ask({ type: 'streams' })).toMatchObject({ type: 'streams' });
}

/** The tests' own clock may be set, too. */
const realNow = (): number => performance.timeOrigin + performance.now();
const tokens = { lasting: 'frt_lasting', ending: 'frt_ending' };
const limits = { controlPerSecond: perSecond, rateGraceMs: 60_000 };

afterEach(() => void vi.useRealTimers());

describe('the clock jumps by an hour, forwards and back: timeouts, rates and tokens go on as they were', () => {
  test('a daemon in this process', async () => {
    const ends = Date.now() + tokenMs;
    const { url } = await startDaemon({
      ping: { interval: heartbeat, timeout: heartbeat },
      limits,
      authenticate: async (token) => ({ ...anyone, ...(token === tokens.ending && { expires: ends }) }),
    });
    await unmoved(url, {
      ...{ tokens, ends },
      jump: async (ms) => void vi.useFakeTimers({ toFake: ['Date'], now: realNow() + ms }),
    });
  });

  const title = library === undefined ? ' [skipped: no faketime]' : '';
  test.skipIf(library === undefined)(`a daemon process under faketime${title}`, async () => {
    const folder = await temporaryFolder();
    const [clock, file] = [join(folder, 'clock'), join(folder, 'config.yaml')];
    const jump = (ms: number): Promise<void> => writeFile(clock, `${ms < 0 ? '' : '+'}${ms / 1000}\n`);
    await jump(0);
    const ends = Date.now() + tokenMs;
    const sha256 = (token: string): string => createHash('sha256').update(token).digest('hex');
    const scopes = ['publish:**', 'subscribe:**'];
    const auth = {
      tokens: [
        { name: 'lasting', sha256: sha256(tokens.lasting), scopes },
        { name: 'ending', sha256: sha256(tokens.ending), scopes, expires: new Date(ends).toISOString() },
      ],
    };
    const ping = { interval: `${heartbeat}ms`, timeout: `${heartbeat}ms` };
    const models = await repositoryWith(sampleTaps(9));
    // YAML takes JSON.
    await writeFile(file, JSON.stringify({ models, model: 'test', auth, ping, limits, log: 'memory' }));
    const daemon = await serveProcess(['--config', file], {
      environment: {
        LD_PRELOAD: library!,
        FAKETIME_TIMESTAMP_FILE: clock,
        FAKETIME_NO_CACHE: '1',
        // A clock that is set moves the clock of the day and no other.
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      },
    });
    await unmoved(daemon.url, { tokens, ends, jump });
    expect(await daemon.stop()).toBe(0);
  });
});
