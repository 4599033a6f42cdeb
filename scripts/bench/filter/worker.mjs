/** The engine in a worker thread: gets planes, gives trends back. Stopped by a message. */
import { parentPort, workerData } from 'node:worker_threads';
import { createTrendFilter } from '../../../dist/filter/trendFilter.js';

const { taps, channels, rows } = workerData;
const filter = await createTrendFilter([{ taps, bias: 0 }], { device: { provider: 'cpu' } });
const window = filter.createWindow(channels);
parentPort.on('message', async (planes) => {
  if (planes === 'stop') {
    await filter.release();
    parentPort.close();
    return;
  }
  const [{ trend }] = await filter.run([{ window, gap: 0, planes, rows }]);
  // A copy of its own to hand over: the trend may be a view into what the runtime gave.
  const given = trend.slice();
  parentPort.postMessage(given, [given.buffer]);
});
parentPort.postMessage('ready');
