import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { normalised } from '../../src/dsp/kernel.ts';
import { readRecording } from '../../src/train/readRecording.ts';
import type { Recording } from '../../src/train/recording.ts';
import { trainKernel } from '../../src/train/train.ts';
import { lagOf } from '../../src/train/vertices.ts';
import { gait, recordingOf } from './support.ts';

/** Made by fixtures/make.py with SciPy's non-negative least squares. */
const cases = JSON.parse(readFileSync(new URL('fixtures/classes.json', import.meta.url), 'utf8')) as {
  family: string;
  bias: boolean;
  maxLag: number | null;
  shared: { loss: number; lag: number; biases: number[] };
  perChannel: { losses: number[]; biases: number[] };
}[];
const names = ['ankle_vert', 'leg_horiz_fwd', 'trunk_vert'];
const common = { target: 'forecast:8', taps: 17, holdout: 0 };

let recording: Recording;
beforeAll(async () => {
  const whole = await readRecording(gait, { columns: names });
  recording = { ...whole, length: 400, values: whole.values.map((x) => x.subarray(0, 400)) };
});

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

describe.each(cases)(
  '$family, bias $bias, largest lag $maxLag',
  ({ family, bias, maxLag, shared, perChannel }) => {
    const options = { ...common, family, bias, ...(maxLag !== null && { maxLag: String(maxLag) }) };

    test("a shared kernel: SciPy's loss, certified to 1e-6", async () => {
      const { loss, certificate, kernels, guarantees } = await trainKernel([recording], options);
      expect(Math.abs(loss.train.learned / shared.loss - 1)).toBeLessThan(1e-6);
      expect(certificate.relative).toBeLessThan(1e-6);
      expect(kernels.map(({ channel }) => channel)).toEqual(bias ? names : [null]);
      expect(guarantees.lag).toBeCloseTo(shared.lag, 5);
      if (maxLag !== null) expect(guarantees.lag).toBeLessThanOrEqual(maxLag);
      kernels.forEach((kernel, c) => {
        expect(kernel.taps).toEqual(kernels[0].taps);
        expect(kernel.bias).toBeCloseTo(shared.biases[c]!, 5);
      });
      expect(loss.train.free).toBeLessThan(loss.train.learned);
    });

    test("a kernel for each channel: SciPy's loss and biases, each certified to 1e-6", async () => {
      const result = await trainKernel([recording], { ...options, perChannel: true });
      expect(Math.abs(result.loss.train.learned / mean(perChannel.losses) - 1)).toBeLessThan(1e-6);
      expect(result.kernels.map(({ channel }) => channel)).toEqual(names);
      result.kernels.forEach((kernel, c) => {
        if (maxLag !== null) expect(lagOf(normalised(kernel.taps))).toBeLessThanOrEqual(maxLag);
        expect(kernel.certificate.relative).toBeLessThan(1e-6);
        expect(kernel.certificate.gap / perChannel.losses[c]!).toBeLessThan(1e-6);
        expect(kernel.bias).toBeCloseTo(perChannel.biases[c]!, 5);
      });
      expect(result.certificate.gap).toBeCloseTo(
        mean(result.kernels.map((kernel) => kernel.certificate.gap)),
        15,
      );
      expect(result.tuned).toHaveLength(3);
    });
  },
);

test('a bias takes up a constant distance to the target, exactly', async () => {
  // A line of slope 3 forecast by 4: each sample is 12 below, whatever the level.
  const line = Float64Array.from({ length: 300 }, (_, n) => 100 + 3 * n);
  const { kernels, certificate, guarantees } = await trainKernel([recordingOf(line)], {
    target: 'forecast:4',
    taps: 9,
    bias: true,
  });
  const taps = normalised(kernels[0].taps);
  const lag = taps.reduce((total, w, j) => total + j * w, 0);
  expect(kernels[0].bias).toBeCloseTo(12 + 3 * lag, 5);
  expect(certificate).toMatchObject({ relative: null, reason: 'the target is reached exactly' });
  expect(guarantees.lost[0]).toMatch(/a bias of .* is added/);
});

test('with a bias the averages have theirs too: a level between input and target is no merit of the kernel', async () => {
  // The same target, 50 below its channel; the second run sees it without the distance.
  const noisy = recording.values[0]!;
  const target = noisy.map((_, n) => noisy.subarray(Math.max(0, n - 2), n + 1).reduce((a, b) => a + b) / 3);
  const far = (
    await trainKernel(
      [
        recordingOf(
          noisy,
          target.map((v) => v - 50),
        ),
      ],
      {
        taps: 17,
        holdout: 0,
        target: 'column:c1',
        bias: true,
      },
    )
  ).loss;
  const near = (
    await trainKernel([recordingOf(noisy, target)], { taps: 17, holdout: 0, target: 'column:c1', bias: true })
  ).loss;
  for (const name of ['ema', 'sma', 'ramp', 'free'] as const) {
    expect(far.train[name]).toBeCloseTo(near.train[name], 6);
  }
  expect(far.train.newest).toBeGreaterThan(near.train.newest);
});

test('a channel that is left out keeps its newest sample, named, with the others learned', async () => {
  const constant = { ...recording, values: [new Float64Array(400).fill(2), ...recording.values.slice(1)] };
  const { kernels, warnings, tuned } = await trainKernel([constant], { ...common, perChannel: true });
  expect(kernels[0]).toMatchObject({ channel: names[0], bias: 0 });
  expect(kernels[0].taps[0]).toBe(1);
  expect(kernels[0].certificate).toEqual({
    gap: 0,
    relative: null,
    reason: 'the channel was left out of the loss',
  });
  expect(kernels[1]!.certificate.relative).toBeLessThan(1e-6);
  expect(tuned).toHaveLength(2);
  expect(warnings).toEqual([expect.stringContaining(`channel "${names[0]}" was left out`)]);
});

test('each ramp has a time constant of its own', async () => {
  const { kernels, timeConstant, loss } = await trainKernel([recording], {
    ...common,
    family: 'ramp',
    perChannel: true,
  });
  expect(timeConstant).toBeUndefined();
  expect(new Set(kernels.map((kernel) => kernel.timeConstant)).size).toBe(3);
  expect(loss.train.learned).toBeCloseTo(loss.train.ramp, 7);
});

describe('a largest lag', () => {
  test.each([0, 0.3, 1, 2.5, 7.9])(
    '%d samples: every family keeps it and every baseline with it',
    async (maxLag) => {
      for (const family of ['ramp', 'cumulative', 'boxcars', 'simplex']) {
        const options = { ...common, family, maxLag: String(maxLag) };
        const { guarantees, loss, tuned, certificate, fit } = await trainKernel([recording], options);
        // The file's smallest taps, 2^-30/K each, alone have a lag.
        expect(guarantees.lag).toBeLessThanOrEqual(Math.max(maxLag, 1e-7));
        if (family !== 'ramp') expect(certificate.gap / loss.train.learned).toBeLessThan(1e-6);
        expect(loss.train.learned / fit.trajectory.at(-1)!).toBeLessThan(1 + 1e-5);
        expect((tuned[0]!.sma - 1) / 2).toBeLessThanOrEqual(maxLag);
        expect(1 / tuned[0]!.ema - 1).toBeLessThanOrEqual(maxLag + 1e-9);
        expect(loss.train.free).toBeLessThanOrEqual(loss.train.learned * (1 + 1e-6));
        if (family === 'ramp') expect(loss.train.learned).toBeCloseTo(loss.train.ramp, 6);
      }
    },
  );

  test('in seconds, and one that does not bind changes nothing', async () => {
    const free = await trainKernel([recording], common);
    const seconds = await trainKernel([recording], { ...common, maxLag: `${3 / 64}s` });
    expect(seconds.kernels[0].taps).toEqual(free.kernels[0].taps);
  });

  test('TensorFlow alone comes within 1 % of the best within the limit', async () => {
    for (const family of ['cumulative', 'boxcars', 'simplex']) {
      const { fit, loss } = await trainKernel([recording], { ...common, family, maxLag: '1.5' });
      expect(fit.trajectory.at(-1)! / loss.train.learned - 1).toBeLessThan(0.01);
    }
  });

  test.each(['-1', 's', '', 'x', 'Infinity'])('"%s" is refused', async (maxLag) => {
    await expect(trainKernel([recording], { ...common, maxLag })).rejects.toMatchObject({ code: 'maxLag' });
  });
});
