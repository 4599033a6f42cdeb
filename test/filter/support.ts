import { storedTaps } from '../../src/dsp/kernel.ts';
import type { Convolution, Plan } from '../../src/filter/plans.ts';
import type { FilterJob, FilterKernel, TrendBlock, TrendFilter } from '../../src/filter/trendFilter.ts';

export const cpu = { provider: 'cpu' } as const;

/** Uniform in [0, 1), the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** An integer from `least` to `most`. */
export function integer(random: () => number, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1));
}

/** A falling kernel of unit sum as a model holds it, unlike its own mirror image for K > 1. */
export function randomKernel(random: () => number, taps: number, bias = 0): FilterKernel {
  const raw = Float64Array.from({ length: taps }, random).sort().reverse();
  const total = raw.reduce((sum, w) => sum + w, 0);
  return { taps: storedTaps(raw.map((w) => w / total)), bias };
}

/** `[channel][row]`; `missing` is the share of samples that are NaN or ±Infinity. */
export function randomPlanes(
  random: () => number,
  channels: number,
  rows: number,
  missing: number,
): Float32Array {
  const holes = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e39];
  return Float32Array.from({ length: channels * rows }, () =>
    random() < missing ? holes[integer(random, 0, 3)]! : 2 * random() - 1,
  );
}

/** Rows `[from, from + rows)` of planes that have `total`. */
export function rowsOf(planes: Float32Array, total: number, from: number, rows: number): Float32Array {
  const channels = planes.length / total;
  const part = new Float32Array(channels * rows);
  for (let c = 0; c < channels; c++) {
    part.set(planes.subarray(c * total + from, c * total + from + rows), c * rows);
  }
  return part;
}

/** The trends of all rows in one job behind a new window. */
export async function oneShot(
  filter: TrendFilter,
  planes: Float32Array,
  channels: number,
): Promise<TrendBlock> {
  const job: FilterJob = {
    window: filter.createWindow(channels),
    gap: 0,
    planes,
    rows: planes.length / channels,
  };
  const [block] = await filter.run([job]);
  return block!;
}

/** Coverage as numbers, also where it is 1 throughout. */
export function coverageOf({ trend, coverage }: TrendBlock): Float32Array {
  return coverage ?? new Float32Array(trend.length).fill(1);
}

/** The first index at which bits differ (any NaN equals any), -1 where none does. */
export function firstDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Math.min(a.length, b.length);
  return a.findIndex((value, i) => !Object.is(value, b[i]));
}

/** `plan` with something else done to what its convolutions answer; `held` of them are not yet released. */
export function altered(
  plan: Plan,
  name: string,
  alter: (y: Float32Array, rows: number, length: number) => Float32Array,
): Plan & { held(): number } {
  let held = 0;
  return {
    name,
    outputs: plan.outputs,
    held: () => held,
    async open(lanes, provider): Promise<Convolution> {
      const real = await plan.open(lanes, provider);
      held++;
      return {
        run: async (x, rows, length, y) => alter(await real.run(x, rows, length, y), rows, length),
        release: () => {
          held--;
          return real.release();
        },
      };
    },
  };
}

/** Lets the event loop turn `count` times. Turns, not milliseconds: a slow machine must not change what has happened. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
