/** Loads, uses and releases kernels, so many (the argument) at a time; prints the resident bytes after each time. */
import { chooseDevice } from '../../dist/filter/device.js';
import { createTrendFilter } from '../../dist/filter/trendFilter.js';

const count = Number(process.argv[2]);
const device = await chooseDevice('cpu');
const planes = new Float32Array(8 * 16).fill(1);

for (let i = 0; i < 4 * count; i++) {
  const taps = new Float32Array(129).fill(1 / 129);
  taps[0] += i * 2 ** -30;
  const filter = await createTrendFilter([{ taps, bias: 0 }], { device });
  await filter.run([{ window: filter.createWindow(8), gap: 0, planes, rows: 16 }]);
  await filter.release();
  if ((i + 1) % count > 0) continue;
  globalThis.gc();
  process.stdout.write(`${process.memoryUsage().rss}\n`);
}
