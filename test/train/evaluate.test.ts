import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { evaluate } from '../../src/train/evaluate.ts';
import { noisyWalk, normal, recordingOf, uniform } from './support.ts';

const forecast = { target: 'forecast:2', holdout: 0.25 };
const samples = 800;
const cut = 600;

/** The mean square error of taps and a bias over windows cut out one by one. */
function byHand(x: Float64Array, taps: readonly number[], bias: number, from: number, to: number): number {
  const total = taps.reduce((a, b) => a + b, 0);
  let squares = 0;
  let windows = 0;
  for (let n = Math.max(from, taps.length - 1); n + 2 < to; n++) {
    const trend = taps.reduce((sum, w, j) => sum + (w / total) * x[n - j]!, bias);
    squares += (trend - x[n + 2]!) ** 2;
    windows++;
  }
  return squares / windows;
}

const stored = (taps: readonly number[], bias = 0) => ({ taps: Float64Array.from(taps, Math.fround), bias });
const rounded = (taps: readonly number[]) => [...stored(taps).taps];
const falling = [0.4, 0.25, 0.15, 0.1, 0.06, 0.04];
const flat = new Array<number>(6).fill(1 / 6);
const walks = [noisyWalk(samples, 0.1, 1), noisyWalk(samples, 1, 2).map((value) => 50 * value)];

describe('the losses of a model', () => {
  test('shared: each channel by the newest sample alone on its training part, then the mean', () => {
    const { loss, windows } = evaluate([recordingOf(...walks)], { kernels: [stored(falling)] }, forecast);
    const of = (from: number, to: number) =>
      walks.reduce(
        (sum, x) => sum + byHand(x, rounded(falling), 0, from, to) / byHand(x, [1, 0, 0, 0, 0, 0], 0, 0, cut),
        0,
      ) / walks.length;
    expect(loss.train.learned).toBeCloseTo(of(0, cut), 10);
    expect(loss.heldOut!.learned).toBeCloseTo(of(cut, samples), 10);
    expect(loss.train.newest).toBeCloseTo(1, 12);
    expect(windows).toEqual({ used: 2 * (cut - 7), leftOut: 0 });
  });

  test('a kernel and a bias for each channel', () => {
    const kernels = [stored(falling, 0.25), stored(flat, -8)];
    const { loss, certificate } = evaluate([recordingOf(...walks)], { kernels }, forecast);
    const of = (from: number, to: number) =>
      kernels.reduce((sum, { taps, bias }, c) => {
        const x = walks[c]!;
        return sum + byHand(x, [...taps], bias, from, to) / byHand(x, [1, 0, 0, 0, 0, 0], 0, 0, cut);
      }, 0) / kernels.length;
    expect(loss.train.learned).toBeCloseTo(of(0, cut), 10);
    expect(loss.heldOut!.learned).toBeCloseTo(of(cut, samples), 10);
    // Biases so wrong cost at least what leaving them out would save.
    const without = evaluate([recordingOf(...walks)], { kernels: [stored(falling), stored(flat)] }, forecast);
    expect(certificate.gap).toBeGreaterThan(loss.train.learned - without.loss.train.learned);
  });
});

describe('the gap', () => {
  test('bounds how far the model is above 2,000 random kernels of its class', () => {
    const random = uniform(3);
    const recording = recordingOf(walks[0]!);
    const { loss, certificate, family } = evaluate([recording], { kernels: [stored(flat)] }, forecast);
    expect(family).toBe('boxcars');
    const divisor = byHand(walks[0]!, [1, 0, 0, 0, 0, 0], 0, 0, cut);
    let best = Infinity;
    for (let i = 0; i < 2000; i++) {
      const other = flat.map(() => (-Math.log(random())) ** 3).sort((a, b) => b - a);
      best = Math.min(best, byHand(walks[0]!, other, 0, 0, cut) / divisor);
    }
    expect(loss.train.learned - best).toBeGreaterThan(0.001);
    expect(certificate.gap).toBeGreaterThan(loss.train.learned - best);
    expect(certificate.relative).toBeCloseTo(certificate.gap / loss.train.learned, 12);
  });

  test('taps that do not fall are measured against all positive kernels', () => {
    const rising = [...falling].reverse();
    expect(evaluate([recordingOf(walks[0]!)], { kernels: [stored(rising)] }, forecast).family).toBe(
      'simplex',
    );
  });
});

test('says so where the model does not fit the data, and that a short held-out part says nothing', () => {
  const noise = Float64Array.from({ length: samples }, normal(5));
  const smoothing = evaluate([recordingOf(noise)], { kernels: [stored([1, 0, 0, 0, 0, 0])] }, forecast);
  expect(smoothing.verdict).toMatch(/does not fit these recordings: .* times that of the best/);
  const { loss } = evaluate(
    [recordingOf(noise)],
    { kernels: [stored(flat)] },
    { ...forecast, holdout: 0.05 },
  );
  expect(loss.heldOut).toBeNull();
  expect(loss.heldOutReason).toMatch(/38 windows with a target, fewer than 100/);
});

test('TensorFlow is not loaded for it', () => {
  const { cache } = createRequire(import.meta.url);
  expect(Object.keys(cache).filter((file) => file.includes('@tensorflow'))).toEqual([]);
});
