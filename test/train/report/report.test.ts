import { beforeAll, describe, expect, test } from 'vitest';
import type { Recording } from '../../../src/train/recording.ts';
import { trainReport } from '../../../src/train/report/report.ts';
import { type TrainOptions, type TrainResult, trainKernel } from '../../../src/train/train.ts';
import { noisyWalk, recordingOf } from '../support.ts';

const hostile = `<script>alert('1')</script>"&\u202e`;
const origin = { tool: 'firtrend 0.0.1', time: '2026-01-02T03:04:05.000Z' };

async function reported(recording: Recording, options: TrainOptions): Promise<[string, TrainResult]> {
  const result = await trainKernel([recording], options);
  const { holdout = 0.2 } = options;
  return [await trainReport(result, [recording], { title: 'walk', origin, holdout }), result];
}

const made = recordingOf(noisyWalk(3000, 0.1, 1), noisyWalk(3000, 0.02, 2));
let page: string;
let result: TrainResult;
beforeAll(async () => {
  [page, result] = await reported(made, { taps: 33, target: 'smooth:16', seed: 7 });
});

describe('a report', () => {
  test('is one file without a script or anything to fetch', () => {
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|https?:|\s(?:src|href)=|\son\w+=/i);
    expect(page.match(/url\([^)]*\)/g)!.every((url) => url.startsWith('url(#'))).toBe(true);
    expect(page.length).toBeLessThan(500_000);
  });

  test('opens and closes its elements in order, and no id twice', () => {
    const open: string[] = [];
    const markup = page.replace(/<!doctype html>/, '').replace(/<style>.*?<\/style>/gs, '');
    for (const [, close, name, empty] of markup.matchAll(
      /<(\/?)([a-zA-Z][\w-]*)(?:[^<>"]|"[^"]*")*?(\/?)>/g,
    )) {
      if (close === '/') expect(open.pop()).toBe(name);
      else if (empty !== '/' && name !== 'meta') open.push(name!);
    }
    expect(open).toEqual([]);
    const ids = [...page.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('says every number of the card', () => {
    const { loss, tuned, guarantees, certificate } = result;
    const numbers = [...Object.values(loss.train), ...Object.values(loss.heldOut!)];
    numbers.push(guarantees.lag, guarantees.noiseGain, tuned[0]!.ema, tuned[0]!.sma, tuned[0]!.ramp!);
    for (const value of numbers) expect(page).toContain(String(Number(value.toPrecision(6))));
    expect(page).toContain(String(Number(certificate.gap.toPrecision(3))));
    const { tool, time } = origin;
    const { verdict, dataSha256, backend, target } = result;
    const words = [tool, time, verdict.replaceAll("'", '&#39;'), dataSha256, backend.version, target, '>7<'];
    for (const word of words) expect(page).toContain(word);
  });

  test('names each plot for who cannot see it, and has a header for each column', () => {
    const plots = page.match(/<svg [^>]*>/g)!;
    expect(plots).toHaveLength(8);
    for (const plot of plots) {
      const [, id] = /^<svg role="img" aria-labelledby="([^"]+)"/.exec(plot)!;
      expect(page).toMatch(new RegExp(`<title id="${id}">[^<]{20,}</title>`));
    }
    expect(page.match(/<th scope="col"/g)!.length).toBeGreaterThanOrEqual(8);
  });

  test('the same training gives the same text', async () => {
    expect((await reported(made, { taps: 33, target: 'smooth:16', seed: 7 }))[0]).toBe(page);
  });
});

test('names are text, whatever they are; kernels, biases and the training stretch are shown', async () => {
  const recording = { ...made, name: hostile, channels: [hostile, 'other'] };
  const options = { taps: 9, target: 'forecast:1', perChannel: true, bias: true, holdout: 0 };
  const [text, { kernels }] = await reported(recording, options);
  expect(text).not.toMatch(/<script|\u202e/);
  expect(text).toContain('&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;\ufffd');
  for (const { bias } of kernels) expect(text).toContain(`>${Number(bias.toPrecision(6))}<`);
  expect(text).toContain('on a training stretch');
  expect(text).toContain('nothing was held out');
});
