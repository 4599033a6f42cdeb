/**
 * A swap: from taps to a filter that is proven and ready, the longest time the event loop stood still meanwhile, and the
 * first call, which loads the stream's window.
 */
import { createTrendFilter } from '../../../src/filter/trendFilter.ts';
import { sampleTaps } from '../../../test/support/models.ts';
import { median, table } from '../measure.ts';
import { device } from './ours.ts';

async function longestTurn(work: Promise<unknown>): Promise<number> {
  let longest = 0;
  let going = true;
  void work.finally(() => {
    going = false;
  });
  while (going) {
    const began = performance.now();
    await new Promise((resolve) => setImmediate(resolve));
    longest = Math.max(longest, performance.now() - began);
  }
  return longest;
}

export async function benchSwap(quick: boolean): Promise<string> {
  const lines: (string | number)[][] = [];
  for (const [K, kernels] of [
    [65, 1],
    [129, 64],
    [257, 1],
    [257, 1024],
    [513, 1024],
  ] as const) {
    if (quick && kernels === 1024) continue;
    const each = Array.from({ length: kernels }, () => ({ taps: sampleTaps(K), bias: 0 }));
    const ready: number[] = [];
    const longest: number[] = [];
    const first: number[] = [];
    for (let i = 0; i < 5; i++) {
      const began = performance.now();
      const loading = createTrendFilter(each, { device, perChannel: kernels > 1 });
      longest.push(await longestTurn(loading));
      ready.push(performance.now() - began);
      const filter = await loading;
      const window = filter.createWindow(kernels);
      window.push(new Float32Array(kernels * K), K);
      const called = performance.now();
      await filter.run([{ window, gap: 0, planes: new Float32Array(kernels), rows: 1 }]);
      first.push(performance.now() - called);
      await filter.release();
    }
    const line = [ready, longest].map((times) => median(times).toFixed(0));
    lines.push([K, kernels, ...line, median(first).toFixed(1)]);
  }
  const times = ['ready after (ms)', 'longest turn of the event loop (ms)', 'first call (ms)'];
  return table(['K', 'kernels', ...times], lines);
}
