import { describe, expect, test } from 'vitest';
import { stall } from '../../src/train/stall.ts';
import { trainKernel } from '../../src/train/train.ts';
import { noisyWalk, recordingOf } from './support.ts';

const walk = recordingOf(noisyWalk(2000, 0.05, 11));
const options = { target: 'forecast:1', taps: 33 };

describe.each(['ramp', 'boxcars', 'cumulative', 'simplex'])('%s', (family) => {
  test('at a learning rate of 1e-6 it ends, is explained, and the kernel is the same best one', async () => {
    const stalled = await trainKernel([walk], { ...options, family, learningRate: 1e-6 });
    const usual = await trainKernel([walk], { ...options, family });
    expect(stalled.warnings).toEqual([
      expect.stringMatching(
        /^training stalled: .* moved the parameters by .*learning rate of 0.000001 is too small/,
      ),
    ]);
    expect(usual.warnings).toEqual([]);
    expect(stalled.fit.moved).toBeLessThan(0.01 * usual.fit.moved);
    expect(stalled.loss.train.learned).toBeCloseTo(usual.loss.train.learned, 7);
  });

  test("the forum's setting, the input as its own target: nothing to gain, another target named", async () => {
    const { verdict, kernels, certificate, fit } = await trainKernel([walk], {
      ...options,
      family,
      target: 'column:c0=c0',
    });
    expect(verdict).toMatch(/^Nothing is to be gained here: .*choose the target smooth:PERIOD/);
    expect(kernels[0].taps[0]).toBe(1);
    expect(certificate.reason).toBe('the target is reached exactly');
    // The best α is infinite: it moves, and still ends.
    expect(fit.moved).toBeGreaterThan(0.1);
    expect(fit.trajectory.every(Number.isFinite)).toBe(true);
  });

  test('one step ahead on a smooth, oversampled sensor', async () => {
    const smooth = recordingOf(
      Float64Array.from({ length: 3000 }, (_, n) => Math.sin(n / 200) + 0.5 * Math.sin(n / 77)),
    );
    const { verdict, kernels, certificate } = await trainKernel([smooth], { ...options, family });
    expect(verdict).toMatch(
      /^Nothing is to be gained here: .*hardly changes in the forecast interval.*smooth:PERIOD/,
    );
    expect(kernels[0].taps[0]).toBe(1);
    expect(certificate.relative).toBeLessThan(1e-6);
  });
});

describe('what counts as a stall', () => {
  const fit = {
    trajectory: [1, 0.99],
    steps: 1,
    moved: 1e-4,
    gradientNorm: 0.3,
    stopped: 'noDescent' as const,
  };
  test.each([
    ['hardly moved, far from the best', fit, 0.4, true],
    ['the best is where it began', fit, 0.985, false],
    ['more than half of the way', { ...fit, trajectory: [1, 0.6] }, 0.4, false],
    ['it was there', { ...fit, trajectory: [1, 0.401] }, 0.4, false],
  ])('%s', (_name, course, best, expected) => {
    expect(stall(course, best) !== null).toBe(expected);
  });
});

test('lengths and learning rates that make no sense are refused', async () => {
  await expect(trainKernel([walk], { ...options, lengths: [9, 34] })).rejects.toMatchObject({
    code: 'lengths',
  });
  await expect(trainKernel([walk], { ...options, learningRate: 0 })).rejects.toMatchObject({
    code: 'learningRate',
  });
});

test('grown from 9 taps, the finished kernel is the same', async () => {
  const [grown, whole] = [
    await trainKernel([walk], { ...options, lengths: [9] }),
    await trainKernel([walk], options),
  ];
  expect(grown.loss.train.learned).toBeCloseTo(whole.loss.train.learned, 9);
  expect(grown.certificate.relative).toBeLessThan(1e-6);
});
