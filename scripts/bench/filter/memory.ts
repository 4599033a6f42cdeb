/**
 * What the engine leaves on the heap and in memory, in a process of its own (`node --expose-gc`): allocation per frame,
 * memory per stream, memory over reloads. Prints JSON.
 */
import { createTrendFilter } from '../../../src/filter/trendFilter.ts';
import { sampleTaps } from '../../../test/support/models.ts';
import { device } from './ours.ts';
import { planesOf } from './signals.ts';

export interface MemoryFigures {
  /** Bytes per call, by case: on the JavaScript heap, and in array buffers (of these the trends are so many). */
  readonly allocation: readonly { what: string; heap: number; buffers: number; trends: number }[];
  readonly streams: readonly { K: number; count: number; perStream: number; window: number }[];
  /** Resident memory (bytes) after so many reloads. */
  readonly reloads: readonly (readonly [number, number])[];
}

const collectGarbage = globalThis.gc;
if (!collectGarbage) throw new Error('bench: expected node --expose-gc');

/** What is freed comes back in steps: by the collector, by finalizers a turn later, by a sweeper beside them. */
async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    collectGarbage!();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function allocationOf(channels: number, rows: number, K: number) {
  const filter = await createTrendFilter([{ taps: sampleTaps(K), bias: 0 }], { device });
  const window = filter.createWindow(channels);
  const planes = planesOf(channels, 0, rows);
  const run = () => filter.run([{ window, gap: 0, planes, rows }]);
  for (let i = 0; i < 300; i++) await run();
  const heap: number[] = [];
  const buffers: number[] = [];
  for (let round = 0; round < 15; round++) {
    collectGarbage!();
    const calls = 20;
    const before = process.memoryUsage();
    for (let i = 0; i < calls; i++) await run();
    const after = process.memoryUsage();
    heap.push((after.heapUsed - before.heapUsed) / calls);
    buffers.push((after.arrayBuffers - before.arrayBuffers) / calls);
  }
  await filter.release();
  const middle = (values: number[]): number => Math.round(values.sort((a, b) => a - b)[values.length >> 1]!);
  return {
    what: `${channels} × ${rows}, K = ${K}`,
    heap: middle(heap),
    buffers: middle(buffers),
    trends: 4 * channels * rows,
  };
}

/** Streams that were all filtered at once, in calls of 500: windows, what the engine keeps for them, and its grid. */
async function perStream(K: number, count: number) {
  const channels = 8;
  const filter = await createTrendFilter([{ taps: sampleTaps(K), bias: 0 }], { device });
  const planes = planesOf(channels, 0, 1);
  await filter.run([{ window: filter.createWindow(channels), gap: 0, planes, rows: 1 }]);
  await settled();
  const total = (): number => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = total();
  const windows = Array.from({ length: count }, () => filter.createWindow(channels));
  for (let tick = 0; tick < K + 10; tick += 8) {
    for (const window of windows) window.push(planesOf(channels, tick, 8), 8);
  }
  for (let first = 0; first < count; first += 500) {
    await filter.run(
      windows.slice(first, first + 500).map((window) => ({ window, gap: 0, planes, rows: 1 })),
    );
  }
  await settled();
  const each = (total() - before) / count;
  if (windows.length !== count) throw new Error('unreachable: keeps the windows alive');
  await filter.release();
  return { K, count, perStream: Math.round(each), window: 4 * channels * (K - 1) };
}

async function reloads(count: number) {
  const resident: [number, number][] = [];
  const taps = sampleTaps(129);
  const planes = planesOf(8, 0, 16);
  for (let i = 0; i <= count; i++) {
    const other = taps.slice();
    other[0]! += i * 2 ** -30;
    const filter = await createTrendFilter([{ taps: other, bias: 0 }], { device });
    await filter.run([{ window: filter.createWindow(8), gap: 0, planes, rows: 16 }]);
    await filter.release();
    if (i % (count / 20) !== 0) continue;
    collectGarbage!();
    resident.push([i, process.memoryUsage().rss]);
  }
  return resident;
}

const quick = process.argv.includes('--quick');
const figures: MemoryFigures = {
  allocation: [
    await allocationOf(8, 1, 65),
    await allocationOf(8, 16, 65),
    await allocationOf(64, 16, 65),
    await allocationOf(1024, 16, 129),
  ],
  streams: [await perStream(65, quick ? 1000 : 10_000), await perStream(257, quick ? 1000 : 4000)],
  reloads: await reloads(quick ? 200 : 2000),
};
console.log(JSON.stringify(figures));
