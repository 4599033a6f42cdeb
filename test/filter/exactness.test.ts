import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { referenceTrend } from '../../src/dsp/reference.ts';
import { type Plan, plans } from '../../src/filter/plans.ts';
import { createTrendFilter, type FilterJob, type TrendFilter } from '../../src/filter/trendFilter.ts';
import {
  coverageOf,
  cpu,
  firstDifference,
  integer,
  oneShot,
  randomFrom,
  randomKernel,
  randomPlanes,
  rowsOf,
} from './support.ts';

/** What the properties below have reached, so that they cannot pass by never getting there. */
const reached = { outputs: 0, oneOutputCalls: 0, batchesOfOne: 0, masked: 0, gaps: 0, sameWindowTwice: 0 };

const taps = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 129 }) },
  { weight: 1, arbitrary: fc.constantFrom(257, 513) },
);
const scenes = fc.record({
  seed: fc.integer(),
  taps,
  channels: fc.integer({ min: 1, max: 20 }),
  streams: fc.integer({ min: 1, max: 4 }),
  perChannel: fc.boolean(),
  missing: fc.constantFrom(0, 0, 0.01, 0.3),
  gaps: fc.boolean(),
  bias: fc.constantFrom(0, 0.75),
});
type Scene = typeof scenes extends fc.Arbitrary<infer T> ? T : never;

/** A stream as its producer sent it: frames in order, and where each lies among all rows. */
interface Sent {
  readonly channels: number;
  readonly total: number;
  /** All rows, NaN in the gaps. */
  readonly planes: Float32Array;
  readonly frames: readonly { readonly from: number; readonly rows: number; readonly gap: number }[];
}

function send(random: () => number, scene: Scene, channels: number, total: number): Sent {
  const planes = randomPlanes(random, channels, total, scene.missing);
  const frames: { from: number; rows: number; gap: number }[] = [];
  let from = 0;
  while (from < total) {
    const lost = scene.gaps && from > 0 && random() < 0.05 ? integer(random, 1, random() < 0.2 ? 600 : 9) : 0;
    const gap = Math.min(lost, total - from - 1);
    for (let c = 0; c < channels; c++) planes.fill(Number.NaN, c * total + from, c * total + from + gap);
    from += gap;
    const size = random() < 0.3 ? 1 : random() < 0.05 ? integer(random, 50, 700) : integer(random, 1, 50);
    const rows = Math.min(size, total - from);
    frames.push({ from, rows, gap });
    from += rows;
    if (gap > 0) reached.gaps++;
  }
  return { channels, total, planes, frames };
}

/** Streams all frames, in random company and with calls overlapping; answers `[channel][row]`, NaN in the gaps. */
async function stream(random: () => number, filter: TrendFilter, sent: readonly Sent[]) {
  const windows = sent.map(({ channels }) => filter.createWindow(channels));
  const trends = sent.map(({ planes }) => new Float32Array(planes.length).fill(Number.NaN));
  const coverages = sent.map(({ planes }) => new Float32Array(planes.length).fill(Number.NaN));
  const next = sent.map(() => 0);
  let underWay: Promise<void>[] = [];
  for (;;) {
    const jobs: FilterJob[] = [];
    const of: { stream: number; from: number }[] = [];
    for (let size = random() < 0.2 ? 1 : integer(random, 1, 6); size > 0; size--) {
      const open = sent.flatMap(({ frames }, s) => (next[s]! < frames.length ? [s] : []));
      if (open.length === 0) break;
      const s = open[integer(random, 0, open.length - 1)]!;
      const { total, planes, frames } = sent[s]!;
      const { from, rows, gap } = frames[next[s]!++]!;
      if (of.some((other) => other.stream === s)) reached.sameWindowTwice++;
      of.push({ stream: s, from });
      jobs.push({ window: windows[s]!, gap, planes: rowsOf(planes, total, from, rows), rows });
    }
    if (jobs.length === 0) break;
    const call = filter.run(jobs).then((blocks) => {
      for (const [i, block] of blocks.entries()) {
        const { stream: s, from } = of[i]!;
        const { rows } = jobs[i]!;
        const { channels, total } = sent[s]!;
        const coverage = coverageOf(block);
        for (let c = 0; c < channels; c++) {
          trends[s]!.set(block.trend.subarray(c * rows, (c + 1) * rows), c * total + from);
          coverages[s]!.set(coverage.subarray(c * rows, (c + 1) * rows), c * total + from);
        }
      }
    });
    underWay.push(call);
    if (random() < 0.5) {
      await Promise.all(underWay);
      underWay = [];
    }
  }
  await Promise.all(underWay);
  return { trends, coverages };
}

/** Sets what was never received to NaN. */
function received(values: Float32Array, { channels, total, frames }: Sent): Float32Array {
  const kept = new Float32Array(values.length).fill(Number.NaN);
  for (const { from, rows } of frames) {
    for (let c = 0; c < channels; c++) {
      kept.set(values.subarray(c * total + from, c * total + from + rows), c * total + from);
    }
  }
  return kept;
}

/** Counts what the runtime is really asked for. */
function counting(plan: Plan): Plan {
  return {
    ...plan,
    async open(lanes, provider) {
      const real = await plan.open(lanes, provider);
      const history = lanes[0]!.length - 1;
      return {
        run: (x, rows, length) => {
          if (length - history === 1) reached.oneOutputCalls++;
          if (rows === 1) reached.batchesOfOne++;
          return real.run(x, rows, length);
        },
        release: () => real.release(),
      };
    },
  };
}

async function check(scene: Scene, planOrder: readonly Plan[], budget: number): Promise<void> {
  const random = randomFrom(scene.seed);
  const kernels = Array.from({ length: scene.perChannel ? scene.channels : 1 }, (_, c) =>
    randomKernel(random, scene.taps, scene.bias * c),
  );
  const filter = await createTrendFilter(kernels, { device: cpu, perChannel: scene.perChannel, planOrder });
  expect(filter.exact).toBe(true);
  const sent = Array.from({ length: scene.streams }, () => {
    const channels = scene.perChannel ? scene.channels : integer(random, 1, scene.channels);
    return send(random, scene, channels, Math.ceil(budget / scene.streams / channels));
  });
  const streamed = await stream(random, filter, sent);
  for (const [s, one] of sent.entries()) {
    const whole = await oneShot(filter, one.planes, one.channels);
    expect(firstDifference(streamed.trends[s]!, received(whole.trend, one))).toBe(-1);
    expect(firstDifference(streamed.coverages[s]!, received(coverageOf(whole), one))).toBe(-1);
    for (let c = 0; c < one.channels; c++) {
      const kernel = kernels[scene.perChannel ? c : 0]!;
      const x = one.planes.subarray(c * one.total, (c + 1) * one.total);
      compareToReference(
        x,
        kernel,
        whole.trend.subarray(c * one.total),
        coverageOf(whole).subarray(c * one.total),
        filter,
      );
    }
    reached.outputs += one.planes.length;
  }
  await filter.release();
}

/** The shipped engine against the definition in float64, to (K+2)·2^-24 of the largest |x| in each window. */
function compareToReference(
  x: Float32Array,
  kernel: { readonly taps: Float32Array; readonly bias: number },
  trend: Float32Array,
  coverage: Float32Array,
  { minCoverage }: TrendFilter,
): void {
  const unit = 2 ** -24;
  const bound = (kernel.taps.length + 2) * unit;
  const reference = referenceTrend(
    x,
    { taps: Float64Array.from(kernel.taps), bias: kernel.bias },
    minCoverage,
  );
  for (let n = 0; n < x.length; n++) {
    let largest = 0;
    let whole = n + 1 >= kernel.taps.length;
    for (let i = Math.max(0, n - kernel.taps.length + 1); i <= n; i++) {
      if (Number.isFinite(x[i])) largest = Math.max(largest, Math.abs(x[i]!));
      else whole = false;
    }
    const covered = reference.coverage[n]!;
    if (!whole) reached.masked++;
    if (whole ? coverage[n] !== 1 : !(Math.abs(coverage[n]! - covered) <= bound && coverage[n]! <= 1)) {
      expect.fail(`coverage ${n}: expected ${covered}, got ${coverage[n]}`);
    }
    // Within rounding of the threshold either answer is right.
    if (Math.abs(covered - minCoverage) <= bound) continue;
    const expected = reference.trend[n]!;
    const got = trend[n]!;
    if (Number.isNaN(expected) && Number.isNaN(got)) continue;
    const allowed = bound * largest + (kernel.bias === 0 ? 0 : unit * Math.abs(expected));
    if (!(Math.abs(got - expected) <= allowed)) expect.fail(`trend ${n}: expected ${expected}, got ${got}`);
  }
}

test('streams cut anyhow, in any company, equal the whole bit for bit, and the float64 reference', async () => {
  await fc.assert(
    fc.asyncProperty(scenes, (scene) => check(scene, plans.slice(0, 1).map(counting), 24_000)),
    { numRuns: 44 },
  );
});

test('so does the plan of fixed shape', async () => {
  await fc.assert(
    fc.asyncProperty(scenes, (scene) => check(scene, plans.slice(1), 3_000)),
    { numRuns: 6 },
  );
});

afterAll(() => {
  expect(reached.outputs).toBeGreaterThan(1_000_000);
  expect(reached.oneOutputCalls).toBeGreaterThan(0);
  expect(reached.batchesOfOne).toBeGreaterThan(0);
  expect(reached.masked).toBeGreaterThan(10_000);
  expect(reached.gaps).toBeGreaterThan(0);
  expect(reached.sameWindowTwice).toBeGreaterThan(0);
});
