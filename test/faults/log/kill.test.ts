import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { after, emptyLedger, problems } from './ledger.ts';
import { logProcess, startProcess } from './runProcess.ts';

const milestone = process.env.FIRTREND_MILESTONE === '1';
const cycles = Number(process.env.FIRTREND_LOG_KILLS ?? (milestone ? 10_000 : 500));
const lanes = 2;
const keepSamples = 64;

/** Each lane kills log processes on one folder, again and again, at random moments of their committing. */
async function lane(
  number: number,
  seed: number,
): Promise<{ kills: number; inFlight: number; commits: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'firtrend-kill-'));
  let ledger = emptyLedger;
  let random = seed + number;
  const below = (n: number): number => {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    return (random / 2 ** 32) * n;
  };
  const total = { kills: 0, inFlight: 0, commits: 0 };
  for (let cycle = 0; cycle <= cycles / lanes; cycle++) {
    const last = cycle > cycles / lanes - 1;
    // Segments so small that new ones, index files, removals and carried samples are within reach of every kill.
    const options = {
      seed: seed + cycle * lanes + number,
      keepSamples,
      segmentBytes: 8192,
      maxBytes: 65536,
      sync: cycle % 4 === 3 ? 'normal' : 'full',
    } as const;
    const running = startProcess(logProcess(folder, last ? { ...options, commits: 5 } : options));
    if (!last) {
      for (const until = Date.now() + 30_000; !running.said('begin ') && Date.now() < until; ) await sleep(1);
      await sleep(below(40));
      running.child.kill('SIGKILL');
    }
    const { life, code, signal, errors } = await running.end();
    const where = `lane ${number}, cycle ${cycle}, seed ${seed}`;
    expect(life.found, `${where}: ${errors}`).toBeDefined();
    expect(problems(ledger, life.found!, keepSamples), where).toEqual([]);
    ledger = after(ledger, life);
    total.commits += life.commits;
    if (last) {
      expect([code, life.closed], `${where}: ${errors}`).toEqual([0, true]);
      continue;
    }
    expect([signal, life.broken], `${where}: ${errors}`).toEqual(['SIGKILL', undefined]);
    total.kills++;
    if (life.inFlight) total.inFlight++;
  }
  await rm(folder, { recursive: true });
  return total;
}

test(`${cycles} times kill -9: every acknowledged commit is whole, and none is half there`, {
  timeout: cycles * 2000 + 60_000,
}, async () => {
  const seed = Number(process.env.FIRTREND_SEED ?? Date.now() & 0xffff);
  process.stdout.write(`log kills: seed ${seed}\n`);
  const began = performance.now();
  const totals = await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number, seed)));
  const sum = (key: 'kills' | 'inFlight' | 'commits'): number =>
    totals.reduce((all, each) => all + each[key], 0);
  process.stdout.write(
    `log kills: ${sum('kills')}, ${sum('inFlight')} with a commit in flight, ${sum('commits')} commits acknowledged, ${((performance.now() - began) / 1000).toFixed(0)} s\n`,
  );
  expect(sum('kills')).toBeGreaterThanOrEqual(cycles);
  // A kill between commits proves nothing.
  expect(sum('inFlight') / sum('kills')).toBeGreaterThan(0.9);
});
