import { createTrendFilter, type TrendFilter } from '../../../src/filter/trendFilter.ts';
import type { Contender } from '../measure.ts';

export const device = { provider: 'cpu' } as const;

/** One kernel for all channels, and the same kernel for each of them: K taps, newest first. */
export async function filtersOf(taps: Float32Array, channels: number) {
  const each = Array.from({ length: channels }, () => ({ taps, bias: 0 }));
  return {
    shared: await createTrendFilter(each.slice(0, 1), { device, perChannel: false }),
    perChannel: await createTrendFilter(each, { device, perChannel: true }),
  };
}

/**
 * One frame after another of a stream with its window full: packing, window keeping, convolution and unpacking.
 *
 * @param frames take turns, planes `[channel][rows]`
 */
export async function streaming(
  name: string,
  filter: TrendFilter,
  channels: number,
  frames: readonly Float32Array[],
): Promise<Contender> {
  const window = filter.createWindow(channels);
  const rows = frames[0]!.length / channels;
  let next = 0;
  const run = async (): Promise<void> => {
    const planes = frames[next++ % frames.length]!;
    await filter.run([{ window, gap: 0, planes, rows }]);
  };
  // A window that has just begun is masked throughout; and code must be warm.
  const calls = Math.max(Math.ceil(filter.taps / rows) + 1, Math.ceil(20_000 / (channels * rows)));
  for (let i = 0; i < calls; i++) await run();
  return { name, run };
}

/** Our trends of the last `rows` of planes `[channel][K - 1 + rows]`, given as history and one frame. */
export async function trendsOf(
  filter: TrendFilter,
  channels: number,
  x: Float32Array,
  rows: number,
): Promise<Float32Array> {
  const length = x.length / channels;
  const window = filter.createWindow(channels);
  window.push(x, length, 0, length - rows);
  const planes = new Float32Array(channels * rows);
  for (let c = 0; c < channels; c++) {
    planes.set(x.subarray((c + 1) * length - rows, (c + 1) * length), c * rows);
  }
  const [block] = await filter.run([{ window, gap: 0, planes, rows }]);
  return block!.trend;
}
