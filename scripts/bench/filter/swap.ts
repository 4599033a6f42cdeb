/** From taps to a filter that is proven and ready, and the longest time the event loop stood still meanwhile. */
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
    for (let i = 0; i < 5; i++) {
      const began = performance.now();
      const loading = createTrendFilter(each, { device, perChannel: kernels > 1 });
      longest.push(await longestTurn(loading));
      ready.push(performance.now() - began);
      const filter = await loading;
      const window = filter.createWindow(kernels);
      await filter.run([{ window, gap: 0, planes: new Float32Array(kernels), rows: 1 }]);
      await filter.release();
    }
    lines.push([K, kernels, median(ready).toFixed(0), median(longest).toFixed(0)]);
  }
  return table(['K', 'kernels', 'ready after (ms)', 'longest turn of the event loop (ms)'], lines);
}
