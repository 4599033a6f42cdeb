import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { normalised } from '../../src/dsp/kernel.ts';
import { readRecording } from '../../src/train/readRecording.ts';
import type { Recording } from '../../src/train/recording.ts';
import { type TrainResult, trainKernel } from '../../src/train/train.ts';
import { gait, noisyWalk, recordingOf } from './support.ts';

/** Made by fixtures/make.py with NumPy and SciPy. */
const optimum = JSON.parse(readFileSync(new URL('fixtures/optimum.json', import.meta.url), 'utf8')) as {
  windows: number;
  timeConstant: number;
  train: Record<string, number>;
  heldOut: Record<string, number>;
  taps: number[];
};

let recording: Recording;
let result: TrainResult;
beforeAll(async () => {
  recording = await readRecording(gait);
  result = await trainKernel([recording]);
});

describe('gait, smooth:32, boxcars, K = 65', () => {
  test('the losses are those of SciPy on either part', () => {
    for (const [name, value] of Object.entries(optimum.train)) {
      expect(result.loss.train).toHaveProperty(name, expect.closeTo(value, 7));
    }
    for (const [name, value] of Object.entries(optimum.heldOut)) {
      // The EMA's optimum is flat: its parameter is found to 1e-4 only.
      expect(result.loss.heldOut).toHaveProperty(name, expect.closeTo(value, name === 'ema' ? 4 : 7));
    }
  });

  test('so are the taps, and the certificate proves them to 1e-6', () => {
    const taps = normalised(result.kernels[0].taps);
    optimum.taps.forEach((tap, j) => {
      expect(taps[j]).toBeCloseTo(tap, 6);
    });
    expect(result.certificate.relative).toBeLessThan(1e-6);
  });

  test('it says where it comes from', () => {
    expect(result).toMatchObject({
      family: 'boxcars',
      target: 'smooth:32',
      channels: recording.channels,
      dataSha256: recording.sha256,
      windows: { used: 9 * optimum.windows, leftOut: 0 },
      warnings: [],
    });
    expect(result.verdict).toMatch(/^On held-out data .* 8\.1 % of that of no filter, 38 % below/);
    expect(result.guarantees.lost).toEqual([]);
    expect(result.fit.steps).toBe(result.fit.trajectory.length - 1);
  });

  test('the same again gives the same bits', async () => {
    const again = await trainKernel([recording]);
    expect(again.kernels[0].taps).toEqual(result.kernels[0].taps);
  });

  test('the ramp is the one SciPy finds, and its time constant is told', async () => {
    const ramp = await trainKernel([recording], { family: 'ramp' });
    expect(ramp.timeConstant).toBeCloseTo(optimum.timeConstant, 4);
    expect(ramp.loss.train.learned).toBeCloseTo(optimum.train.ramp!, 7);
  });

  // The figures of the design: 0.089, the best ramp 62 % and the best moving average 140 % above it.
  test('on the whole recording the optimum is 0.089', async () => {
    const { loss } = await trainKernel([recording], { holdout: 0 });
    expect(loss.train.learned).toBeCloseTo(0.089, 3);
    expect(loss.train.ramp / loss.train.learned).toBeCloseTo(1.62, 2);
    expect(loss.train.sma / loss.train.learned).toBeCloseTo(2.4, 2);
    expect(loss.heldOut).toBeNull();
    expect(loss.heldOutReason).toBe('nothing was held out');
  });
});

describe('channels', () => {
  const sine = Float64Array.from({ length: 600 }, (_, n) => Math.sin(n / 3));
  const walk = noisyWalk(600, 0.1, 3);

  test('a constant one is left out and named; a loud one does not rule', async () => {
    const options = { target: 'forecast:1', taps: 9 };
    const quiet = await trainKernel([recordingOf(walk, noisyWalk(600, 1, 4))], options);
    const loud = await trainKernel(
      [
        recordingOf(
          walk.map((v) => 1000 * v),
          noisyWalk(600, 1, 4),
          new Float64Array(600).fill(3),
        ),
      ],
      options,
    );
    expect(loud.warnings).toEqual([expect.stringMatching(/channel "c2" was left out of the loss/)]);
    loud.kernels[0].taps.forEach((tap, j) => {
      expect(tap).toBeCloseTo(quiet.kernels[0].taps[j]!, 6);
    });
  });

  test('windows lost to missing samples are counted per channel, and --fill is named', async () => {
    const holed = walk.map((v, n) => (n % 12 === 0 ? Number.NaN : v));
    const { windows, warnings } = await trainKernel([recordingOf(walk, holed)], {
      target: 'forecast:1',
      taps: 9,
      holdout: 0,
    });
    // Holes lie at 0, 12, 24 …: of 12 newest samples the last three have all 9, and of these the last has no target.
    expect(windows.channels).toEqual([
      { name: 'c0', used: 591, leftOut: 0 },
      { name: 'c1', used: 100, leftOut: 491 },
    ]);
    expect(warnings).toEqual([expect.stringMatching(/"c1": 491 of 591 windows .*--fill N/)]);
  });

  test('recordings are put in the order of the first, and pooled', async () => {
    const options = { target: 'forecast:1', taps: 5, holdout: 0 };
    const first = recordingOf(walk, sine);
    const swapped = { ...recordingOf(sine, walk), channels: ['c1', 'c0'] };
    const once = await trainKernel([first], options);
    const twice = await trainKernel([first, swapped], options);
    expect(twice.windows.used).toBe(2 * once.windows.used);
    expect(twice.loss.train.learned).toBeCloseTo(once.loss.train.learned, 9);
  });
});

test('where the newest sample alone is best, it ends normally and says so', async () => {
  const smoothSensor = Float64Array.from(
    { length: 3000 },
    (_, n) => Math.sin(n / 200) + 0.5 * Math.sin(n / 77),
  );
  for (const family of ['ramp', 'boxcars']) {
    const { kernels, verdict, certificate, timeConstant } = await trainKernel([recordingOf(smoothSensor)], {
      target: 'forecast:1',
      taps: 33,
      family,
    });
    expect(kernels[0].taps[0]).toBe(1);
    expect(timeConstant).toBe(family === 'ramp' ? 0 : undefined);
    expect(certificate.relative).toBeLessThan(1e-6);
    expect(verdict).toMatch(/^Nothing is to be gained here: .*smooth:PERIOD/);
  }
});

test('a held-out part of fewer than 100 windows gives no losses, and says so', async () => {
  const { loss, warnings } = await trainKernel([recordingOf(noisyWalk(400, 0.1, 1))], {
    target: 'forecast:1',
    taps: 9,
  });
  expect(loss.heldOut).toBeNull();
  expect(loss.heldOutReason).toMatch(/79 windows with a target, fewer than 100/);
  expect(warnings).toEqual([expect.stringContaining('79 windows')]);
});

describe('bad options', () => {
  const walk = recordingOf(noisyWalk(400, 0.1, 1));
  test.each([
    [{ taps: 0 }, 'taps', /from 1 to 513, got 0/],
    [{ taps: 514 }, 'taps', /from 1 to 513, got 514/],
    [{ target: 'smooth:300' }, 'taps', /^target: smooth:300 would have 601 taps.*--taps 513/],
    [{ taps: 7.5 }, 'taps', /got 7.5/],
    [{ taps: 401, target: 'forecast:1' }, 'tapsTooMany', /K = 401 is longer than .* 320 of the 400 samples/],
    [{ target: 'forecast:0' }, 'target', /H ≥ 1/],
    [
      { family: 'boxcar' },
      'family',
      /one of ramp, cumulative, boxcars, simplex, got boxcar; did you mean boxcars/,
    ],
    [{ loss: 'mae' }, 'loss', /expected one of mse, got mae/],
  ])('%j', async (options, code, message) => {
    await expect(trainKernel([walk], options)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test.each([
    [[], 'noRecording', /at least one/],
    [[walk, { ...walk, channels: ['other'] }], 'channelMismatch', /\(c0\), got other/],
    [[walk, { ...walk, rate: 2 }], 'rateMismatch', /1 Hz, got 2 Hz/],
    [[recordingOf(new Float64Array(400).fill(1))], 'nothingToLearn', /constant channels/],
  ])('recordings', async (recordings, code, message) => {
    await expect(trainKernel(recordings, { target: 'forecast:1', taps: 5 })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });
});
