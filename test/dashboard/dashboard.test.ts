import { createHash } from 'node:crypto';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { connect } from '../../src/client/client.ts';
import { createTrendFilter } from '../../src/filter/trendFilter.ts';
import { noBrowser, tab } from '../support/browser.ts';
import { root, serveProcess } from '../support/command.ts';
import { startDaemon, testConfig, testTaps } from '../support/daemon.ts';
import { http, httpOf } from '../support/http.ts';
import { repositoryWith, temporaryFolder } from '../support/models.ts';

/* The dashboard in a real browser, on the page that the daemon serves. */

const usual = { skip: noBrowser !== '' } as const;

/** A page on a busy machine takes its time. */
function poll<T>(look: () => T | Promise<T>) {
  return expect.poll(look, { timeout: 10_000 });
}

interface Drawn {
  readonly time: number[];
  readonly raw: number[];
  readonly trend: number[];
}

/** What a chart drew last, NaN as null. */
async function drawn(page: Page, channel: number): Promise<Drawn | undefined> {
  return await page.evaluate((index) => {
    const { firtrend } = globalThis as unknown as {
      firtrend: {
        drawn(channel: number): { time: Iterable<number>; raw: Iterable<number>; trend: Iterable<number> };
      };
    };
    const made = firtrend.drawn(index);
    return made && { time: [...made.time], raw: [...made.raw], trend: [...made.trend] };
  }, channel);
}

async function applied(planes: Float32Array, channels: number): Promise<Float32Array> {
  const kernels = [{ taps: Float32Array.from(testTaps), bias: 0 }];
  const filter = await createTrendFilter(kernels, { device: { provider: 'cpu' } });
  const rows = planes.length / channels;
  const [block] = await filter.run([{ window: filter.createWindow(channels), gap: 0, planes, rows }]);
  await filter.release();
  return block!.trend;
}

const rate = 64;
const zero = 1_700_000_000_000;

/** Samples of two channels, `rows` of them, with one missing; the value tells the number. */
function samples(rows: number, missing = 20): Float32Array {
  const planes = Float32Array.from({ length: 2 * rows }, (_, i) =>
    Math.fround(Math.sin(i / 9) + (i % 7) / 10),
  );
  planes[missing] = Number.NaN;
  return planes;
}

const slice = (planes: Float32Array, from: number, to: number): Float32Array[] => {
  const rows = planes.length / 2;
  return [planes.subarray(from, to), planes.subarray(rows + from, rows + to)];
};

const channels = [{ name: 'x', unit: 'm/s²' }, { name: 'y' }];

test(
  `what is drawn is what was sent and what apply makes of it; a restart is told${noBrowser}`,
  usual,
  async () => {
    const models = await repositoryWith(testTaps);
    const first = await startDaemon({ models });
    const port = Number(new URL(first.url).port);
    const client = await connect(first.url, { reconnect: { minDelay: 20, maxDelay: 100 } });
    onTestFinished(() => client.close());
    const producer = await client.open({ stream: 'site/pump', channels, rate });
    const { page, errors } = await tab();
    await page.goto(httpOf(first.url));
    await page.waitForSelector('text=connected');
    await page.waitForSelector('.chart >> nth=1');

    const rows = 200;
    const planes = samples(rows);
    const expected = await applied(planes, 2);
    const send = async (from: number, to: number): Promise<void> => {
      await producer.send({ values: slice(planes, from, to), time: zero + (from * 1000) / rate });
    };
    for (let at = 0; at < 120; at += 8) {
      await send(at, at + 8);
      await sleep(20);
    }
    const plane = (all: Float32Array, c: number, from: number, to: number): number[] => [
      ...all.subarray(c * rows + from, c * rows + to),
    ];
    await poll(async () => (await drawn(page, 1))?.trend.length).toBe(120);
    for (const c of [0, 1]) {
      const shown = (await drawn(page, c))!;
      expect(shown.trend).toEqual(plane(expected, c, 0, 120));
      expect(shown.raw).toEqual(plane(planes, c, 0, 120));
      const times = shown.time.map((_, row) => (zero + (row * 1000) / rate) / 1000);
      expect(shown.time.map((time, row) => Math.abs(time - times[row]!) < 1e-6)).not.toContain(false);
    }
    expect(await page.textContent('h1')).toBe('site/pump');
    // The picture is not empty: it has pixels of the trend's colour, more of them than an axis could have.
    const blue = await page.evaluate(() => {
      const canvas = document.querySelector<HTMLCanvasElement>('.chart canvas')!;
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let i = 0; i < data.length; i += 4)
        if (data[i]! < 40 && data[i + 1]! > 80 && data[i + 1]! < 120 && data[i + 2]! > 170) count++;
      return count;
    });
    expect(blue).toBeGreaterThan(200);

    // The daemon goes, with its memory log, and another comes.
    const { epoch } = producer;
    await first.close();
    await page.waitForSelector('text=/not connected; again in/');
    await page.waitForSelector('text=/what is drawn is from before/');
    await page.waitForSelector('.down code >> text=/^npx firtrend serve /');
    await startDaemon({ port, models });
    await page.waitForSelector('.state >> text=/^connected$/');
    await poll(() => producer.epoch !== epoch).toBe(true);
    for (let at = 120; at < 200; at += 8) await send(at, at + 8);
    await producer.flush();
    // Its first sample of the new epoch is there, and between the two lives the line is broken.
    await poll(async () => (await drawn(page, 0))?.raw.at(-1)).toBe(planes[199]);
    const { raw } = (await drawn(page, 0))!;
    const cut = raw.findLastIndex((value) => Number.isNaN(value));
    expect(raw.slice(cut + 1)).toEqual(plane(planes, 0, 120, 200));
    expect(await page.textContent('[role=log]')).toMatch(/a new epoch has begun/);
    expect(errors).toEqual([]);
  },
);

test(
  `a daemon that is killed and comes back with its log leaves no hole in the picture${noBrowser}`,
  usual,
  async () => {
    const log = `file:${await temporaryFolder()}`;
    const first = await serveProcess(['--log', log, '--model', 'gait']);
    const port = new URL(first.url).port;
    const client = await connect(first.url, { reconnect: { minDelay: 20, maxDelay: 100 } });
    onTestFinished(() => client.close());
    const producer = await client.open({ stream: 's', channels, rate });
    const { page, errors } = await tab();
    await page.goto(`${httpOf(first.url)}/#/streams/s`);
    await page.waitForSelector('.chart');
    const planes = samples(200);
    let back: Promise<unknown> | undefined;
    for (let at = 0; at < 200; at += 8) {
      await producer.send({ values: slice(planes, at, at + 8), time: zero + (at * 1000) / rate });
      await sleep(25);
      if (at !== 96) continue;
      first.kill('SIGKILL');
      back = serveProcess(['--log', log, '--model', 'gait', '--port', port]);
    }
    await back;
    await producer.flush();
    await poll(async () => (await drawn(page, 0))?.raw.length).toBe(200);
    expect((await drawn(page, 0))!.raw).toEqual([...planes.subarray(0, 200)]);
    expect(await page.textContent('[role=log]')).toMatch(/the connection is back, nothing is missing/);
    expect(errors).toEqual([]);
  },
);

test(
  `a token is asked for, kept in the tab, and what it does not allow is said${noBrowser}`,
  usual,
  async () => {
    const sha256 = (token: string): string => createHash('sha256').update(token).digest('hex');
    const tokens = [
      { name: 'viewer', sha256: sha256('frt_viewer'), scopes: ['subscribe:**'] },
      { name: 'chief', sha256: sha256('frt_chief'), scopes: ['subscribe:**', 'publish:**', 'admin'] },
    ];
    const models = await temporaryFolder();
    cpSync(join(root, 'models/gait'), join(models, 'gait'), { recursive: true });
    cpSync(join(models, 'gait/1'), join(models, 'gait/2'), { recursive: true });
    const { auth } = await testConfig();
    const daemon = await startDaemon({ models, model: 'gait', auth: { ...auth, tokens } });
    const { page, errors } = await tab({ colorScheme: 'dark' });
    await page.goto(httpOf(daemon.url));
    await page.waitForSelector('text=This daemon asks for a token');
    expect(await page.textContent('main .command code')).toMatch(/^npx firtrend config token /);
    await page.fill('#token', 'frt_wrong');
    await page.keyboard.press('Enter');
    await page.waitForSelector('[role=alert] >> text=/refused/');
    await page.fill('#token', 'frt_viewer');
    await page.keyboard.press('Enter');
    await page.waitForSelector('text=No streams yet');
    await page.goto(`${httpOf(daemon.url)}/#/models`);
    await page.waitForSelector('text=Models are for those with the scope admin');
    await page.click('text=Forget the token');
    await page.fill('#token', 'frt_chief');
    await page.keyboard.press('Enter');
    await page.click('button >> text=Promote');
    await page.click('dialog >> text=Yes');
    await page.waitForSelector('text=/gait@2 is in force/');
    expect((await http(daemon.url, '/v1/models', { token: 'frt_chief' })).json.models).toMatchObject([
      { active: 2 },
    ]);
    await page.click('button >> text=Roll back');
    await page.click('dialog >> text=Yes');
    await page.waitForSelector('text=/gait@1 is in force/');
    await page.click('nav >> text=Health');
    await page.waitForSelector('text=ready');
    expect(await page.textContent('main')).toMatch(/chief/);
    expect(errors).toEqual([]);
  },
);

test(
  `keyboard, zoom, shift, search, kernel; nothing from elsewhere and nothing inline${noBrowser}`,
  usual,
  async () => {
    const daemon = await startDaemon({ models: join(root, 'models'), model: 'gait' });
    const client = await connect(daemon.url);
    onTestFinished(() => client.close());
    const planes = samples(640, 150);
    for (const stream of ['hall/a', 'hall/b']) {
      const producer = await client.open({ stream, channels, rate });
      await producer.send({ values: slice(planes, 0, 600), time: Date.now() - 10_000 });
      await producer.send({ seq: 620, values: slice(planes, 620, 640), time: Date.now() - 312 });
      await producer.flush();
    }
    const { page, errors } = await tab({ viewport: { width: 420, height: 800 } });
    const requests: string[] = [];
    page.on('request', (request) => requests.push(request.url()));
    const answer = await page.goto(`${httpOf(daemon.url)}/#/streams/hall/a`);
    const policy = answer!.headers()['content-security-policy']!;
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(await answer!.text()).not.toMatch(/<script(?![^>]*src)|\son\w+=|style=/);
    await page.waitForSelector('text=/Kernel: gait@1/');
    expect(new Set(requests.map((url) => new URL(url).host))).toEqual(new Set([new URL(daemon.url).host]));

    // The gap of 20 samples breaks the line, and the log tells it.
    await poll(async () => (await drawn(page, 0))?.raw.length).toBeGreaterThan(600);
    expect(await page.textContent('[role=log]')).toMatch(/samples 600 to 619 never came \(source\)/);
    expect(await page.textContent('main')).toMatch(
      /No kernel of the class has a training loss lower by more than/,
    );

    // A missing sample lowers the coverage of its own channel, and no other's; the first 65 are the kernel's own length.
    const least = await page.evaluate(() => {
      const { firtrend } = globalThis as unknown as {
        firtrend: { rows(): { from: number; to: number; coverage: Float32Array[] } };
      };
      const { from, to, coverage } = firtrend.rows();
      return coverage.map((each) =>
        each.subarray(from + 100, Math.min(to, 500)).reduce((a, b) => Math.min(a, b)),
      );
    });
    expect(least[0]).toBeLessThan(1);
    expect(least[0]).toBeGreaterThan(0);
    expect(least[1]).toBe(1);

    await page.focus('.chart');
    await page.keyboard.press('ArrowLeft');
    await poll(() => page.textContent('[aria-live=polite]')).toMatch(/x raw .*, trend /);
    expect(await page.getAttribute('button >> text=Paused', 'aria-pressed')).toBe('true');
    const before = (await drawn(page, 0))!;
    await page.keyboard.press('+');
    await poll(async () => (await drawn(page, 0))!.raw.length).toBeLessThan(0.7 * before.raw.length);
    await page.keyboard.press('Escape');
    await poll(async () => (await drawn(page, 0))!.raw.length).toBeGreaterThan(600);

    // A drag zooms.
    const box = (await page.locator('.chart .u-over').first().boundingBox())!;
    await page.mouse.move(box.x + 50, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + 150, box.y + 20, { steps: 4 });
    await page.mouse.up();
    await poll(async () => (await drawn(page, 0))!.raw.length).toBeLessThan(400);
    await page.click('text=Back to live');

    await page.keyboard.press('/');
    await page.keyboard.type('all/b');
    await poll(() => page.locator('.side li').count()).toBe(1);
    await page.click('.side li a');
    await page.waitForSelector('h1 >> text=hall/b');
    // Every control says what it is.
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll('button, input, select, canvas.overview, [role=img]')]
        .filter((element) => {
          const labels = (element as HTMLInputElement).labels?.length ?? 0;
          return !element.getAttribute('aria-label') && !element.textContent?.trim() && labels === 0;
        })
        .map((element) => element.outerHTML),
    );
    expect(nameless).toEqual([]);
    expect(errors).toEqual([]);
  },
);

test(
  `a stream of 64 channels at 1 kHz leaves memory flat, also in a tab that is too slow${noBrowser}`,
  usual,
  async () => {
    const daemon = await startDaemon({ models: join(root, 'models'), model: 'gait', streams: [] });
    const client = await connect(daemon.url);
    onTestFinished(() => client.close());
    const wide = Array.from({ length: 64 }, (_, c) => ({ name: `c${c}` }));
    const producer = await client.open({ stream: 'wide', channels: wide, rate: 1000 });
    const { page, errors } = await tab();
    await page.goto(`${httpOf(daemon.url)}/#/streams/wide`);
    let sending = true;
    const feeding = (async () => {
      const planes = new Float32Array(64 * 50);
      const began = Date.now();
      for (let seq = 0; sending; seq += 50) {
        for (let i = 0; i < planes.length; i++) planes[i] = Math.sin((seq + (i % 50)) / 200 + i / 500);
        await producer.send({ planes });
        await sleep(Math.max(0, began + seq - Date.now()));
      }
    })();
    onTestFinished(async () => {
      sending = false;
      await feeding;
    });
    await page.waitForSelector('canvas.overview');
    await page.waitForSelector('text=/every 25th row/');
    const heap = (): Promise<number> =>
      page.evaluate(() => {
        (globalThis as unknown as { gc(): void }).gc();
        return (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize;
      });
    await sleep(3000);
    const before = await heap();
    // Every frame takes long: the page does not keep up, and what it cannot take must not pile up in it.
    await page.evaluate(() => {
      const busy = (): void => {
        const until = performance.now() + 200;
        while (performance.now() < until);
        requestAnimationFrame(busy);
      };
      requestAnimationFrame(busy);
    });
    await sleep(8000);
    expect((await heap()) - before).toBeLessThan(6 * 2 ** 20);
    expect(errors).toEqual([]);
  },
);
