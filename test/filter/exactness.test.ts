import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Plan, plans } from '../../src/filter/plans.ts';
import { createTrendFilter, type FilterKernel, type TrendFilter } from '../../src/filter/trendFilter.ts';
import { counts, seed } from '../support/counts.ts';
import { mustBeNearReference } from './againstReference.ts';
import {
  cutIntoFrames,
  longestFrame,
  mustStreamExactly,
  nothingReached,
  type Sent,
  watchRuntime,
} from './streaming.ts';
import { cpu, firstDifference, integer, oneShot, randomFrom, randomKernel, randomPlanes } from './support.ts';

const reached = nothingReached();
let taps = 0;
let watch: { stop(): void };
beforeAll(() => {
  watch = watchRuntime(reached, () => taps);
});

const scenes = fc.record({
  seed: fc.integer(),
  taps: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 513 }) }, fc.constantFrom(1, 2, 257, 513)),
  channels: fc.oneof(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 4 })),
  streams: fc.integer({ min: 1, max: 4 }),
  perChannel: fc.boolean(),
  style: fc.constantFrom('ones', 'short', 'short', 'any', 'any'),
  missing: fc.constantFrom(0, 0, 0.01, 0.3),
  gaps: fc.boolean(),
  resets: fc.boolean(),
  bias: fc.constantFrom(0, 0.75),
});
type Scene = typeof scenes extends fc.Arbitrary<infer T> ? T : never;

/** Outputs of one scene: calls of one row cost as much as any. */
const budget: Record<Scene['style'], number> = { ones: 8_000, short: 24_000, any: 60_000 };

function kernelsOf(random: () => number, scene: Scene): FilterKernel[] {
  return Array.from({ length: scene.perChannel ? scene.channels : 1 }, (_, c) =>
    randomKernel(random, scene.taps, scene.bias * c),
  );
}

function send(random: () => number, scene: Scene): Sent[] {
  return Array.from({ length: scene.streams }, () => {
    const channels = scene.perChannel ? scene.channels : integer(random, 1, scene.channels);
    const rows = Math.ceil(budget[scene.style] / scene.streams / channels);
    return cutIntoFrames(random, randomPlanes(random, channels, rows, scene.missing), channels, scene);
  });
}

/** One scene through the shipped engine: streamed it equals itself in one piece, and the float64 reference. */
async function check(scene: Scene, options: { planOrder?: readonly Plan[]; plant?: typeof plant } = {}) {
  const random = randomFrom(scene.seed);
  const kernels = kernelsOf(random, scene);
  taps = scene.taps;
  const { perChannel } = scene;
  const { planOrder } = options;
  const filter = await createTrendFilter(kernels, {
    device: cpu,
    perChannel,
    ...(planOrder && { planOrder }),
  });
  try {
    expect(filter.exact).toBe(true);
    const sent = send(random, scene);
    const streaming = options.plant?.(random, filter, sent);
    const want = await mustStreamExactly(random, filter, sent, reached, streaming);
    for (const [s, { channels, total, planes, frames }] of sent.entries()) {
      const begins = [0, ...frames.filter(({ reset }) => reset).map(({ from }) => from), total];
      for (let c = 0; c < channels; c++) {
        for (let i = 1; i < begins.length; i++) {
          const part = (plane: Float32Array) =>
            plane.subarray(c * total + begins[i - 1]!, c * total + begins[i]!);
          const { trend, coverage } = want[s]!;
          const kernel = kernels[perChannel ? c : 0]!;
          const trends = { trend: part(trend), coverage: part(coverage) };
          reached.masked += mustBeNearReference(part(planes), kernel, filter.minCoverage, trends);
        }
      }
    }
  } finally {
    await filter.release();
  }
}

test(`streams cut anyhow, in any company and order, equal the whole bit for bit (seed ${seed})`, async () => {
  const goal = counts(1_000_000, 20_000_000);
  for (let round = 0; reached.outputs < goal; round++) {
    const property = fc.asyncProperty(scenes, (scene) => check(scene));
    await fc.assert(property, { seed: seed + round, numRuns: 10 });
  }
});

test(`so does the plan of fixed shape (seed ${seed})`, async () => {
  const property = fc.asyncProperty(
    scenes.filter(({ style }) => style !== 'any'),
    (scene) => check(scene, { planOrder: plans.slice(1) }),
  );
  await fc.assert(property, { seed, numRuns: counts(4, 40) });
});

test(`a kernel gives the same bits alone, beside other kernels, and as one of many alike (seed ${seed})`, async () => {
  const cases = fc.record({
    seed: fc.integer(),
    length: fc.integer({ min: 1, max: 513 }),
    channels: fc.integer({ min: 1, max: 64 }),
    missing: fc.constantFrom(0, 0.1),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ seed: from, length, channels, missing }) => {
      const random = randomFrom(from);
      const kernels = Array.from({ length: channels }, () => randomKernel(random, length));
      const planes = randomPlanes(random, channels, 60, missing);
      const many = await createTrendFilter(kernels, { device: cpu, perChannel: true });
      const together = await oneShot(many, planes, channels);
      const c = integer(random, 0, channels - 1);
      const alone = await createTrendFilter([kernels[c]!], { device: cpu });
      const own = await oneShot(alone, planes.subarray(c * 60, (c + 1) * 60), 1);
      expect(firstDifference(own.trend, together.trend.slice(c * 60, (c + 1) * 60))).toBe(-1);
      await Promise.all([many.release(), alone.release()]);
    }),
    { seed, numRuns: counts(20, 400) },
  );
});

/** A filter that answers one output of one frame with its last bit wrong; which, is drawn. */
function plant(random: () => number, filter: TrendFilter, sent: readonly Sent[]): TrendFilter {
  let framesToGo = integer(random, 0, sent.reduce((sum, { frames }) => sum + frames.length, 0) - 1);
  return {
    ...filter,
    async run(jobs) {
      const mine = framesToGo;
      framesToGo -= jobs.length;
      const blocks = await filter.run(jobs);
      const block = mine >= 0 ? blocks[mine] : undefined;
      if (!block) return blocks;
      const plane = block.coverage !== undefined && random() < 0.5 ? block.coverage : block.trend;
      const at = integer(random, 0, plane.length - 1);
      if (Number.isNaN(plane[at])) plane[at] = 0;
      else new Int32Array(plane.buffer, plane.byteOffset, plane.length)[at]! ^= 1;
      return blocks;
    },
  };
}

test(`a last bit that is wrong in one output of one call is found (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(scenes, async (scene) => {
      await expect(check(scene, { plant })).rejects.toThrow(
        /^(trend|coverage) of stream \d, channel \d+, row \d+: expected \S+, got \S+$/,
      );
    }),
    { seed, numRuns: counts(10, 100) },
  );
});

afterAll(() => {
  watch.stop();
  process.stdout.write(`exactness reached ${JSON.stringify(reached)}\n`);
  expect(reached.outputs).toBeGreaterThan(1_000_000);
  expect(reached.masked).toBeGreaterThan(100_000);
  expect(reached.oneOutputCalls).toBeGreaterThan(1_000);
  expect(reached.batchesOfOne).toBeGreaterThan(1_000);
  expect(reached.longestFrame).toBe(longestFrame);
  for (const [what, times] of Object.entries(reached)) expect(times, what).toBeGreaterThan(20);
});
