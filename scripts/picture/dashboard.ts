import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { recordingFrames } from '../../src/cli/recordingFrames.ts';
import { connect } from '../../src/client/client.ts';
import { readRecording } from '../../src/train/readRecording.ts';
import { browserPath } from '../../test/support/browserPath.ts';
import { daemonProcess } from '../bench/process.ts';

/** Sent before the picture's last seconds: the recording is walking by then. */
const before = 2500;

/** Draws docs/dashboard.png and docs/dashboard-dark.png: a running daemon, fed the shipped recording at its own pace. */
export async function pictureDashboard(): Promise<void> {
  const recording = await readRecording('recordings/gait-accelerometer.csv', {});
  const { rate, channels } = recording;
  const daemon = await daemonProcess(['--model', 'gait']);
  const client = await connect(daemon.url);
  const browser = await chromium.launch({ executablePath: browserPath()! });
  try {
    const pages = await Promise.all(
      (['light', 'dark'] as const).map(async (colorScheme) => {
        const page = await browser.newPage({ viewport: { width: 1280, height: 860 }, colorScheme });
        await page.goto(`${daemon.url.replace('ws', 'http').replace('/v1', '')}/#/streams/site/gait`);
        return { page, path: `docs/dashboard${colorScheme === 'dark' ? '-dark' : ''}.png` };
      }),
    );
    const producer = await client.open({
      stream: 'site/gait',
      channels: channels.map((name) => ({ name, unit: 'mg' })),
      rate,
    });
    const zero = Date.now() - (before / rate) * 1000;
    for (const frame of recordingFrames(recording, 4)) {
      if (frame.seq > before + 12 * rate) break;
      const time = zero + (frame.seq / rate) * 1000;
      if (time > Date.now()) await sleep(time - Date.now());
      await producer.send({ ...frame, time });
    }
    for (const { page, path } of pages) await page.screenshot({ path });
  } finally {
    await client.close();
    await browser.close();
    await daemon.stop();
  }
}
