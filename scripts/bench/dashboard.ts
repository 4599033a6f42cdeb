import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { connect } from '../../src/client/client.ts';
import { browserPath } from '../../test/support/browserPath.ts';
import { table } from './measure.ts';
import { daemonProcess } from './process.ts';

const cases = [
  { channels: 9, rate: 64 },
  { channels: 64, rate: 1000 },
] as const;

/** How evenly the dashboard moves, in Chromium on this machine without a graphics card: times between frames drawn. */
export async function benchDashboard(quick: boolean): Promise<string> {
  const seconds = quick ? 3 : 10;
  const rows = [];
  for (const { channels, rate } of cases) {
    const { frames, half, most, longest } = await frameTimes(channels, rate, seconds);
    rows.push([
      `${channels} channels at ${rate} Hz`,
      `${(frames / seconds).toFixed(1)}`,
      `${half.toFixed(1)} ms`,
      `${most.toFixed(1)} ms`,
      `${longest.toFixed(1)} ms`,
    ]);
  }
  return table(['stream', 'frames a second', 'median', '95th percentile', 'longest'], rows);
}

async function frameTimes(channels: number, rate: number, seconds: number) {
  // A stream of another rate than the model's would run raw only, and draw one line in place of two.
  const streams = [{ match: '**', model: 'gait@1', allow: 'rateMismatch' }];
  const folder = await mkdtemp(join(tmpdir(), 'firtrend-bench-'));
  const config = join(folder, 'firtrend.yaml');
  await writeFile(config, JSON.stringify({ models: resolve('models'), streams }));
  const daemon = await daemonProcess(['--config', config]);
  const client = await connect(daemon.url);
  const browser = await chromium.launch({ executablePath: browserPath()! });
  let sending = true;
  try {
    const producer = await client.open({
      stream: 'bench',
      channels: Array.from({ length: channels }, (_, c) => ({ name: `c${c}` })),
      rate,
    });
    const feeding = (async () => {
      const step = Math.max(1, Math.round(rate / 20));
      const planes = new Float32Array(channels * step);
      const began = Date.now();
      for (let seq = 0; sending; seq += step) {
        for (let i = 0; i < planes.length; i++)
          planes[i] = Math.sin((seq + (i % step)) / rate + i) + Math.random() / 4;
        await producer.send({ planes });
        await sleep(Math.max(0, began + (1000 * seq) / rate - Date.now()));
      }
    })();
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.goto(`${daemon.url.replace('ws', 'http').replace('/v1', '')}/#/streams/bench`);
    await page.waitForSelector('.chart canvas');
    // Until the window is full.
    await sleep(11_000);
    const times = (await page.evaluate(measure(1000 * seconds))) as number[];
    sending = false;
    await feeding;
    times.sort((a, b) => a - b);
    const quantile = (q: number): number => times[Math.min(times.length - 1, Math.floor(q * times.length))]!;
    return { frames: times.length, half: quantile(0.5), most: quantile(0.95), longest: times.at(-1)! };
  } finally {
    sending = false;
    await client.close();
    await browser.close();
    await daemon.stop();
    await rm(folder, { recursive: true });
  }
}

/** As text: what compiles this file would put helpers into a function that the page does not have. */
function measure(ms: number): string {
  return `new Promise((resolve) => {
    const gaps = [];
    let first, before;
    requestAnimationFrame(function frame(now) {
      if (first === undefined) first = now;
      else gaps.push(now - before);
      before = now;
      if (now - first < ${ms}) requestAnimationFrame(frame);
      else resolve(gaps);
    });
  })`;
}
