import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maxTaps } from '../../src/dsp/kernel.ts';
import { type Plan, plans } from '../../src/filter/plans.ts';
import { createTrendFilter, type FilterKernel } from '../../src/filter/trendFilter.ts';
import {
  coverageOf,
  cpu,
  firstDifference,
  oneShot,
  randomFrom,
  randomKernel,
  randomPlanes,
} from './support.ts';

const blocked = plans[0]!;
const kernel = (...taps: number[]): FilterKernel => ({ taps: Float32Array.from(taps), bias: 0 });
const half = kernel(0.5, 0.25, 0.25);

describe('by hand', () => {
  test('an impulse gives the taps, newest first, and later silence', async () => {
    const filter = await createTrendFilter([half], { device: cpu });
    const x = Float32Array.of(0, 0, 1, 0, 0, 0, 0);
    expect([...(await oneShot(filter, x, 1)).trend]).toEqual([0, 0, 0.5, 0.25, 0.25, 0, 0]);
    await filter.release();
  });

  test('warm-up and holes are weighted means of what is there, with their coverage', async () => {
    const filter = await createTrendFilter([half], { device: cpu });
    const { trend, coverage } = await oneShot(filter, Float32Array.of(8, 4, Number.NaN, 2, 6, 1), 1);
    expect([...trend]).toEqual(Array.from([8, 16 / 3, 6, 8 / 3, 14 / 3, 2.5], Math.fround));
    expect([...coverage!]).toEqual([0.5, 0.75, 0.5, 0.75, 0.75, 1]);
    await filter.release();
  });

  test('per-channel kernels and biases meet their own channels', async () => {
    const kernels = [kernel(1, 0), { ...kernel(0.5, 0.5), bias: 10 }, { ...kernel(0, 1), bias: -1 }];
    const filter = await createTrendFilter(kernels, { device: cpu });
    expect(filter.channels).toBe(3);
    const { trend, coverage } = await oneShot(filter, Float32Array.of(1, 3, 5, 1, 3, 5, 1, 3, 5), 3);
    // Channel 2 hears nothing of its newest sample, so at first it has no trend.
    expect([...trend]).toEqual([1, 3, 5, 11, 12, 14, Number.NaN, 0, 2]);
    expect([...coverage!]).toEqual([1, 1, 1, 0.5, 1, 1, 0, 1, 1]);
    await filter.release();
  });

  test('coverage is left out where it is 1 throughout', async () => {
    const filter = await createTrendFilter([half], { device: cpu });
    const window = filter.createWindow(2);
    const job = { window, gap: 0, planes: Float32Array.of(1, 2, 3, 4), rows: 2 };
    const [first, second] = await filter.run([job, job]);
    expect(first!.coverage).toBeDefined();
    expect(second!.coverage).toBeUndefined();
    await filter.release();
  });

  test('coverage is at most 1, also where the taps that are met add up to a little more', async () => {
    const filter = await createTrendFilter([kernel(1 + 2 ** -23, 2 ** -30)], { device: cpu });
    const { trend, coverage } = await oneShot(filter, Float32Array.of(5), 1);
    expect([...trend, ...coverage!]).toEqual([5, 1]);
    await filter.release();
  });

  test('one tap is the sample itself', async () => {
    const filter = await createTrendFilter([kernel(1)], { device: cpu });
    const x = Float32Array.of(3, Number.NaN, 0, 1e38);
    expect([...(await oneShot(filter, x, 1)).trend]).toEqual([...x]);
    await filter.release();
  });
});

test('below minCoverage a trend is missing, at it not', async () => {
  const x = Float32Array.of(8, 4, Number.NaN, 2, Number.NaN, Number.NaN, 1);
  const trends = async (minCoverage?: number) => {
    const filter = await createTrendFilter([half], { device: cpu, ...(minCoverage && { minCoverage }) });
    const { trend } = await oneShot(filter, x, 1);
    await filter.release();
    return [...trend].map((value) => !Number.isNaN(value));
  };
  expect(await trends()).toEqual([true, true, true, true, true, true, true]);
  expect(await trends(0.5)).toEqual([true, true, true, true, false, false, true]);
  expect(await trends(0.6)).toEqual([false, true, false, true, false, false, false]);
  expect(await trends(1)).toEqual([false, false, false, false, false, false, false]);
});

test('a stream of nothing but missing samples has no trend and no coverage', async () => {
  const filter = await createTrendFilter([randomKernel(randomFrom(3), 40)], { device: cpu });
  const holes = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e39];
  const x = Float32Array.from({ length: 90 }, (_, i) => holes[i % 4]!);
  const { trend, coverage } = await oneShot(filter, x, 3);
  expect(trend.every(Number.isNaN)).toBe(true);
  expect(coverage).toEqual(new Float32Array(90));
  await filter.release();
});

test('one bad sample touches its own channel and the K outputs that see it, no more', async () => {
  const scenes = fc.record({
    seed: fc.integer(),
    taps: fc.integer({ min: 1, max: 70 }),
    channels: fc.integer({ min: 1, max: 20 }),
    bad: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1e39),
    perChannel: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(scenes, async ({ seed, taps, channels, bad, perChannel }) => {
      const random = randomFrom(seed);
      const rows = 200;
      const kernels = Array.from({ length: perChannel ? channels : 1 }, () => randomKernel(random, taps));
      const filter = await createTrendFilter(kernels, { device: cpu, perChannel });
      const x = randomPlanes(random, channels, rows, 0);
      const clean = await oneShot(filter, x, channels);
      const at = Math.floor(random() * x.length);
      x[at] = bad;
      const spoiled = await oneShot(filter, x, channels);
      const end = Math.min(at + taps, (Math.floor(at / rows) + 1) * rows);
      for (const [a, b] of [
        [clean.trend, spoiled.trend],
        [coverageOf(clean), coverageOf(spoiled)],
      ] as const) {
        expect(firstDifference(a.subarray(0, at), b.subarray(0, at))).toBe(-1);
        expect(firstDifference(a.subarray(end), b.subarray(end))).toBe(-1);
      }
      const touched = coverageOf(spoiled).subarray(at, end);
      expect(touched.every((covered) => covered < 1)).toBe(true);
      await filter.release();
    }),
    { numRuns: 30 },
  );
});

test('an outlier that has left the window leaves no trace', async () => {
  const filter = await createTrendFilter([randomKernel(randomFrom(5), 21)], { device: cpu });
  const x = randomPlanes(randomFrom(6), 1, 100, 0);
  const calm = await oneShot(filter, x, 1);
  x[30] = 3e38;
  const wild = await oneShot(filter, x, 1);
  expect(firstDifference(calm.trend.subarray(51), wild.trend.subarray(51))).toBe(-1);
  expect(firstDifference(calm.trend.subarray(0, 30), wild.trend.subarray(0, 30))).toBe(-1);
  await filter.release();
});

test("the trend of float32's largest is never infinite, and right to the bound", async () => {
  const largest = (2 - 2 ** -23) * 2 ** 127;
  for (const taps of [3, 33, 129, 513]) {
    const filter = await createTrendFilter([kernel(...new Array<number>(taps).fill(1 / taps))], {
      device: cpu,
    });
    const x = new Float32Array(2 * 600).fill(largest, 0, 600).fill(-largest, 600);
    const { trend } = await oneShot(filter, x, 2);
    // A float32 1/K is off by up to 2^-24 of itself: that is the kernel's sum, not the filter's error.
    const bound = (taps + 3) * 2 ** -24;
    expect(trend.every((value, i) => Math.abs(value / x[i]! - 1) <= bound)).toBe(true);
    await filter.release();
  }
});

test('a gap of maxTaps or more is a new window', async () => {
  const filter = await createTrendFilter([randomKernel(randomFrom(7), maxTaps)], { device: cpu });
  const planes = randomPlanes(randomFrom(8), 2, 600, 0);
  const fresh = await oneShot(filter, planes, 2);
  for (const gap of [maxTaps, 1e9, Number.MAX_SAFE_INTEGER]) {
    const window = filter.createWindow(2);
    await filter.run([{ window, gap: 0, planes, rows: 600 }]);
    const [after] = await filter.run([{ window, gap, planes, rows: 600 }]);
    expect(firstDifference(after!.trend, fresh.trend)).toBe(-1);
    expect(firstDifference(coverageOf(after!), coverageOf(fresh))).toBe(-1);
  }
  await filter.release();
});

test('a window longer than the kernel needs gives the same bits', async () => {
  const random = randomFrom(9);
  const long = await createTrendFilter([randomKernel(random, 50)], { device: cpu });
  const short = await createTrendFilter([randomKernel(random, 20)], { device: cpu });
  const planes = randomPlanes(random, 3, 80, 0.1);
  const results = await Promise.all(
    [long, short].map(async (maker) => {
      const window = maker.createWindow(3);
      window.push(planes, 80);
      const [block] = await short.run([{ window, gap: 2, planes, rows: 80 }]);
      return block!;
    }),
  );
  expect(firstDifference(results[0]!.trend, results[1]!.trend)).toBe(-1);
  expect(firstDifference(coverageOf(results[0]!), coverageOf(results[1]!))).toBe(-1);
  await Promise.all([long.release(), short.release()]);
});

describe('run', () => {
  test('makes one call for all jobs, whatever their sizes, and none for none', async () => {
    let calls = 0;
    const counted: Plan = {
      ...blocked,
      open: async (lanes, provider) => {
        const real = await blocked.open(lanes, provider);
        return {
          ...real,
          run: (...args) => {
            calls++;
            return real.run(...args);
          },
        };
      },
    };
    const filter = await createTrendFilter([half], { device: cpu, planOrder: [counted] });
    calls = 0;
    const jobs = [1, 7, 300, 0, 16].map((rows) => ({
      window: filter.createWindow(3),
      gap: 0,
      planes: new Float32Array(3 * rows),
      rows,
    }));
    const blocks = await filter.run(jobs);
    expect(calls).toBe(1);
    expect(blocks.map(({ trend }) => trend.length)).toEqual([3, 21, 900, 0, 48]);
    expect(await filter.run([])).toEqual([]);
    expect(calls).toBe(1);
    await filter.release();
  });

  test('has read the planes when it returns, resolves in order, and its answers stay', async () => {
    const filter = await createTrendFilter([half], { device: cpu });
    const window = filter.createWindow(16);
    const planes = new Float32Array(16 * 4);
    const order: number[] = [];
    const calls = Array.from({ length: 20 }, (_, i) => {
      planes.fill(i);
      const call = filter.run([{ window, gap: 0, planes, rows: 4 }]);
      return call.then(([block]) => {
        order.push(i);
        return block!.trend;
      });
    });
    const trends = await Promise.all(calls);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    for (const [i, trend] of trends.entries()) expect(trend[3]).toBe(i);
    await filter.release();
  });

  test('refuses jobs that do not fit, and moves no window', async () => {
    const filter = await createTrendFilter([half], { device: cpu });
    const window = filter.createWindow(2);
    const good = { window, gap: 0, planes: new Float32Array(4), rows: 2 };
    const short = await createTrendFilter([kernel(0.5, 0.5)], { device: cpu });
    for (const [code, bad] of [
      ['frameSize', { ...good, rows: 3 }],
      ['windowSize', { ...good, window: short.createWindow(2) }],
    ] as const) {
      await expect(filter.run([good, bad])).rejects.toMatchObject({ code });
      expect(window.missing(0)).toBe(2);
    }
    await Promise.all([filter.release(), short.release()]);
  });

  test('a runtime that fails is told with its cause, and the next call goes on', async () => {
    let fail = false;
    const failing: Plan = {
      ...blocked,
      open: async (lanes, provider) => {
        const real = await blocked.open(lanes, provider);
        return {
          ...real,
          run: (...args) => (fail ? Promise.reject(new Error('out of memory')) : real.run(...args)),
        };
      },
    };
    const filter = await createTrendFilter([half], { device: cpu, planOrder: [failing] });
    const window = filter.createWindow(1);
    const job = (value: number) => ({ window, gap: 0, planes: Float32Array.of(value, value), rows: 2 });
    fail = true;
    const refused = filter.run([job(1)]);
    await expect(refused).rejects.toMatchObject({ code: 'filterFailed', cause: new Error('out of memory') });
    fail = false;
    const [next] = await filter.run([job(2)]);
    expect([...next!.trend]).toEqual([1.5, 1.75]);
    await filter.release();
  });
});

test('release waits for the calls under way, once; later calls are refused', async () => {
  let released = 0;
  let running = 0;
  const watched: Plan = {
    ...blocked,
    open: async (lanes, provider) => {
      const real = await blocked.open(lanes, provider);
      return {
        run: (...args) => {
          running++;
          return real.run(...args).finally(() => running--);
        },
        release: () => {
          expect(running).toBe(0);
          released++;
          return real.release();
        },
      };
    },
  };
  const filter = await createTrendFilter([half], { device: cpu, planOrder: [watched] });
  released = 0;
  const job = { window: filter.createWindow(1), gap: 0, planes: new Float32Array(2), rows: 2 };
  const call = filter.run([job]);
  const ends = [filter.release(), filter.release()];
  await expect(filter.run([job])).rejects.toMatchObject({ code: 'filterReleased' });
  expect((await call).length).toBe(1);
  await Promise.all(ends);
  expect(released).toBe(1);
});

describe('kernels and options that cannot be served', () => {
  test.each([
    ['filterKernel', 'expected 1 … 513 taps, got 0', [], {}],
    ['filterKernel', 'expected 1 … 513 taps, got 514', [kernel(...new Array<number>(514).fill(1 / 514))], {}],
    ['filterKernel', 'expected 3 taps in each, got 1', [half, kernel(1)], {}],
    ['filterKernel', 'expected finite taps, got NaN, 1', [kernel(Number.NaN, 1)], {}],
    [
      'filterKernel',
      'expected a finite bias, got Infinity',
      [{ ...half, bias: Number.POSITIVE_INFINITY }],
      {},
    ],
    ['filterKernel', 'expected one shared kernel, got 2', [half, half], { perChannel: false }],
    ['minCoverage', 'expected 2^-20 … 1, got 0', [half], { minCoverage: 0 }],
    ['minCoverage', 'expected 2^-20 … 1, got 1.5', [half], { minCoverage: 1.5 }],
  ] as const)('%s: %s', async (code, message, kernels, options) => {
    const opening = createTrendFilter(kernels, { device: cpu, ...options });
    await expect(opening).rejects.toMatchObject({ code });
    await expect(opening).rejects.toThrow(message);
  });

  test('windows for another number of channels', async () => {
    const filter = await createTrendFilter([half, half], { device: cpu });
    expect(() => filter.createWindow(3)).toThrow('channels: expected 2, got 3');
    expect(() => filter.createWindow(1.5)).toThrow('channels: expected 2, got 1.5');
    await filter.release();
  });
});
