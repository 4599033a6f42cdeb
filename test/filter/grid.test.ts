import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Grid } from '../../src/filter/grid.ts';
import { createTrendFilter, type FilterJob } from '../../src/filter/trendFilter.ts';
import {
  coverageOf,
  cpu,
  firstDifference,
  integer,
  oneShot,
  randomFrom,
  randomKernel,
  rowsOf,
} from './support.ts';

const reached = { kept: 0, keptMasked: 0, moved: 0, merged: 0, overlapping: 0 };

const keeps = Grid.prototype.keeps;
const copyWithin = Float32Array.prototype.copyWithin;
beforeEach(() => {
  vi.spyOn(Grid.prototype, 'keeps').mockImplementation(function (this: Grid, window) {
    const kept = keeps.call(this, window);
    if (kept) reached.kept++;
    if (kept && window.seating!.masks.some((mask) => mask >= 0)) reached.keptMasked++;
    return kept;
  });
  vi.spyOn(Float32Array.prototype, 'copyWithin').mockImplementation(function (this: Float32Array, ...args) {
    reached.moved++;
    return copyWithin.apply(this, args);
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

const scenes = fc.record({
  seed: fc.integer(),
  taps: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(129, 257)),
  streams: fc.integer({ min: 1, max: 9 }),
  perChannel: fc.boolean(),
  /** The usual number of rows of a frame. */
  rows: fc.constantFrom(1, 2, 5, 16),
  /** How often a stream is there, has its usual number of rows, and lost or missing samples. */
  present: fc.constantFrom(0.5, 0.9, 1),
  usual: fc.constantFrom(0.9, 1),
  missing: fc.constantFrom(0, 0, 0.01),
  gaps: fc.constantFrom(0, 0, 0.02),
  overlap: fc.constantFrom(0, 0.1),
});

test('streams that come and go, at one pace or not, get the bits of the whole', async () => {
  await fc.assert(
    fc.asyncProperty(scenes, async (scene) => {
      const random = randomFrom(scene.seed);
      const most = scene.perChannel ? integer(random, 1, 40) : 1;
      const kernels = Array.from({ length: scene.perChannel ? most : 1 }, () =>
        randomKernel(random, scene.taps),
      );
      const filter = await createTrendFilter(kernels, { device: cpu, perChannel: scene.perChannel });
      const total = 400;
      const streams = Array.from({ length: scene.streams }, () => {
        const channels = scene.perChannel ? most : integer(random, 1, 40);
        const planes = Float32Array.from({ length: channels * total }, () =>
          random() < scene.missing ? Number.NaN : 2 * random() - 1,
        );
        const trend = new Float32Array(planes.length).fill(Number.NaN);
        return {
          channels,
          planes,
          window: filter.createWindow(channels),
          trend,
          coverage: trend.slice(),
          at: 0,
        };
      });
      const lost: { stream: number; from: number; count: number }[] = [];
      const calls: Promise<void>[] = [];
      while (streams.some(({ at }) => at < total)) {
        const jobs: FilterJob[] = [];
        const of: { stream: number; from: number }[] = [];
        for (const [s, one] of streams.entries()) {
          while (one.at < total && random() < (of.at(-1)?.stream === s ? 0.05 : scene.present)) {
            if (of.at(-1)?.stream === s) reached.merged++;
            let gap = 0;
            if (random() < scene.gaps) {
              gap = Math.min(integer(random, 1, 20), total - one.at - 1);
              lost.push({ stream: s, from: one.at, count: gap });
              for (let c = 0; c < one.channels; c++) {
                one.planes.fill(Number.NaN, c * total + one.at, c * total + one.at + gap);
              }
              one.at += gap;
            }
            const usual = random() < scene.usual ? scene.rows : integer(random, 1, 20);
            const rows = Math.min(usual, total - one.at);
            jobs.push({ window: one.window, gap, planes: rowsOf(one.planes, total, one.at, rows), rows });
            of.push({ stream: s, from: one.at });
            one.at += rows;
          }
        }
        calls.push(
          filter.run(jobs).then((blocks) => {
            for (const [i, block] of blocks.entries()) {
              const one = streams[of[i]!.stream]!;
              const { rows } = jobs[i]!;
              const covered = coverageOf(block);
              for (let c = 0; c < one.channels; c++) {
                const to = c * total + of[i]!.from;
                one.trend.set(block.trend.subarray(c * rows, (c + 1) * rows), to);
                one.coverage.set(covered.subarray(c * rows, (c + 1) * rows), to);
              }
            }
          }),
        );
        if (random() < scene.overlap) reached.overlapping++;
        else await Promise.all(calls);
      }
      await Promise.all(calls);
      for (const [s, one] of streams.entries()) {
        const whole = await oneShot(filter, one.planes, one.channels);
        const coverage = coverageOf(whole);
        for (const { stream, from, count } of lost) {
          if (stream !== s) continue;
          for (let c = 0; c < one.channels; c++) {
            whole.trend.fill(Number.NaN, c * total + from, c * total + from + count);
            coverage.fill(Number.NaN, c * total + from, c * total + from + count);
          }
        }
        expect(firstDifference(one.trend, whole.trend)).toBe(-1);
        expect(firstDifference(one.coverage, coverage)).toBe(-1);
      }
      await filter.release();
    }),
    { numRuns: 30 },
  );
});

afterAll(() => {
  expect(reached.kept).toBeGreaterThan(500);
  expect(reached.keptMasked).toBeGreaterThan(100);
  expect(reached.moved).toBeGreaterThan(0);
  expect(reached.merged).toBeGreaterThan(100);
  expect(reached.overlapping).toBeGreaterThan(0);
});
