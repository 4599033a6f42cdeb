import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { maxTaps } from '../../src/dsp/kernel.ts';
import { createTrendFilter, type FilterJob } from '../../src/filter/trendFilter.ts';
import { counts, seed } from '../support/counts.ts';
import { coverageOf, cpu, firstDifference, integer, oneShot, randomFrom, randomKernel } from './support.ts';

/** JSON has no NaN and no infinity: null and text. */
const plain = z.union([z.number(), z.null().transform(() => Number.NaN), z.string().transform(Number)]);
const golden = z
  .array(
    z.object({
      name: z.string(),
      taps: z.array(z.number()),
      bias: z.number(),
      minCoverage: z.number(),
      x: z.array(plain),
      trend: z.array(plain),
      coverage: z.array(plain),
    }),
  )
  .parse(JSON.parse(readFileSync(new URL('../golden/coverage.json', import.meta.url), 'utf8')));

/** Cuts a channel into jobs at random; runs of missing samples go, if `skip`, as gaps: their rows are never sent. */
function jobsOf(random: () => number, x: Float32Array, window: FilterJob['window'], skip: boolean) {
  const jobs: (FilterJob & { readonly from: number })[] = [];
  for (let from = 0; from < x.length; ) {
    let gap = 0;
    // A gap needs a sample behind it.
    while (skip && Number.isNaN(x[from + gap]) && from + gap < x.length - 1) gap++;
    from += gap;
    let rows = 1;
    const most = integer(random, 1, 30);
    while (rows < most && from + rows < x.length && !(skip && Number.isNaN(x[from + rows]))) rows++;
    jobs.push({ window, gap, planes: x.slice(from, from + rows), rows, from });
    from += rows;
  }
  return jobs;
}

test.each(golden)('as SciPy has it: $name', async ({ taps, bias, minCoverage, ...expected }) => {
  const random = randomFrom(seed);
  const x = Float32Array.from(expected.x);
  const largest = x.reduce((most, v) => (Number.isFinite(v) ? Math.max(most, Math.abs(v)) : most), 0);
  const bound = (taps.length + 2) * 2 ** -24;
  const kernels = [{ taps: Float32Array.from(taps), bias }];
  const filter = await createTrendFilter(kernels, { device: cpu, minCoverage });
  for (const skip of [false, true]) {
    const jobs = jobsOf(random, x, filter.createWindow(1), skip);
    const blocks = await filter.run(jobs);
    for (const [i, block] of blocks.entries()) {
      const coverage = coverageOf(block);
      for (let row = 0; row < jobs[i]!.rows; row++) {
        const n = jobs[i]!.from + row;
        const where = `sample ${n}${skip ? ', losses as gaps' : ''}`;
        expect(Math.abs(coverage[row]! - expected.coverage[n]!), where).toBeLessThanOrEqual(bound);
        if (expected.coverage[n] === 1) expect(coverage[row], where).toBe(1);
        if (Number.isNaN(expected.trend[n])) expect(block.trend[row], where).toBeNaN();
        else {
          const error = Math.abs(block.trend[row]! - expected.trend[n]!);
          expect(error, where).toBeLessThanOrEqual(bound * largest + Math.abs(bias) * 2 ** -23);
        }
      }
    }
  }
  await filter.release();
});

/** A moving average, whose coverage is a count and whose trend of whole numbers is a mean of whole numbers. */
test(`a moving average is the mean of what is there, and its coverage the share of it (seed ${seed})`, async () => {
  const cases = fc.record({
    seed: fc.integer(),
    length: fc.integer({ min: 1, max: 200 }),
    missing: fc.constantFrom(0.02, 0.3, 0.9),
    least: fc.constantFrom(undefined, 0.3, 0.75),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ seed: from, length, missing, least }) => {
      const random = randomFrom(from);
      const holes = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e39];
      const x = Float32Array.from({ length: 300 }, () =>
        random() < missing ? holes[integer(random, 0, 3)]! : integer(random, -50, 50),
      );
      const kernels = [{ taps: new Float32Array(length).fill(1 / length), bias: 0 }];
      const minCoverage = least ?? 1 / (2 * length);
      const filter = await createTrendFilter(kernels, { device: cpu, minCoverage });
      const jobs = jobsOf(random, x, filter.createWindow(1), random() < 0.5);
      const blocks = await filter.run(jobs);
      const bound = (length + 2) * 2 ** -24;
      for (const [i, { from: first, rows }] of jobs.entries()) {
        for (let row = 0; row < rows; row++) {
          const n = first + row;
          const window = [...x.slice(Math.max(0, n - length + 1), n + 1)].filter(Number.isFinite);
          const share = window.length / length;
          expect(Math.abs(coverageOf(blocks[i]!)[row]! - share)).toBeLessThanOrEqual(bound);
          const trend = blocks[i]!.trend[row]!;
          if (share < minCoverage - bound) expect(trend).toBeNaN();
          if (share <= minCoverage + bound) continue;
          const mean = window.reduce((a, b) => a + b, 0) / window.length;
          expect(Math.abs(trend - mean)).toBeLessThanOrEqual(50 * bound);
        }
      }
      await filter.release();
    }),
    { seed, numRuns: counts(40, 1000) },
  );
});

test(`a bad sample changes, of its own channel, the coverage of the K outputs that see it, and nothing else (seed ${seed})`, async () => {
  const cases = fc.record({
    seed: fc.integer(),
    length: fc.integer({ min: 1, max: 129 }),
    channels: fc.integer({ min: 1, max: 64 }),
    perChannel: fc.boolean(),
    bad: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1e39),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ seed: from, length, channels, perChannel, bad }) => {
      const random = randomFrom(from);
      const rows = 2 * length + 20;
      const kernels = Array.from({ length: perChannel ? channels : 1 }, () => randomKernel(random, length));
      const filter = await createTrendFilter(kernels, { device: cpu, perChannel });
      // The trend of a constant is the constant, whatever is missing: coverage alone can change.
      const level = 1 + integer(random, 0, 7);
      const quiet = new Float32Array(channels * rows).fill(level);
      const warm = async (x: Float32Array) => {
        const windows = [filter.createWindow(channels), filter.createWindow(channels)];
        const jobs = [x, quiet].map((planes, i) => ({ window: windows[i]!, gap: 0, planes, rows }));
        return filter.run(jobs);
      };
      const clean = await warm(quiet);
      const spoiled = quiet.slice();
      const c = integer(random, 0, channels - 1);
      const at = c * rows + integer(random, length - 1, rows - 1);
      spoiled[at] = bad;
      const [own, company] = await warm(spoiled);
      expect(firstDifference(company!.trend, clean[1]!.trend)).toBe(-1);
      expect(firstDifference(coverageOf(company!), coverageOf(clean[1]!))).toBe(-1);
      const end = Math.min(at + length, (c + 1) * rows);
      const before = coverageOf(clean[0]!);
      const after = coverageOf(own!);
      for (let i = 0; i < after.length; i++) {
        const sees = i >= at && i < end;
        if (sees) expect(after[i]).toBeLessThan(1);
        else expect(after[i]).toBe(before[i]);
        const trend = own!.trend[i]!;
        if (!sees) expect(trend).toBe(clean[0]!.trend[i]);
        else if (after[i]! < filter.minCoverage) expect(trend).toBeNaN();
        else expect(Math.abs(trend / level - 1)).toBeLessThan((length + 2) * 2 ** -23);
      }
      await filter.release();
    }),
    { seed, numRuns: counts(30, 600) },
  );
});

test('a restart in the middle of a hole, and a jump that clears the window, go by the same rule', async () => {
  const random = randomFrom(seed);
  const filter = await createTrendFilter([randomKernel(random, 40)], { device: cpu });
  const x = Float32Array.from({ length: 200 }, (_, n) => (n > 60 && n < 85 ? Number.NaN : Math.sin(n)));
  const whole = await oneShot(filter, x, 1);
  for (const cut of [50, 61, 70, 85, 100]) {
    const window = filter.createWindow(1);
    const held = x.subarray(cut - 39, cut);
    window.push(held, held.length);
    const [rest] = await filter.run([{ window, gap: 0, planes: x.slice(cut), rows: x.length - cut }]);
    expect(firstDifference(rest!.trend, whole.trend.slice(cut))).toBe(-1);
    expect(firstDifference(coverageOf(rest!), coverageOf(whole).slice(cut))).toBe(-1);
    const [jumped] = await filter.run([{ window, gap: maxTaps, planes: x, rows: x.length }]);
    expect(firstDifference(jumped!.trend, whole.trend)).toBe(-1);
  }
  await filter.release();
});
