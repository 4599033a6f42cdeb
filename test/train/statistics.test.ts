import { expect, test } from 'vitest';
import { memorySamples, wholeOf } from '../../src/train/samples.ts';
import { moments } from '../../src/train/statistics.ts';
import type { ChannelWindows } from '../../src/train/windows.ts';
import { channelWindows } from '../../src/train/windows.ts';
import { normal, uniform } from './support.ts';

/** The definition: every window by itself. */
function definition(
  recordings: readonly ChannelWindows[],
  taps: number,
): { windows: number; matrix: Float64Array; mean: Float64Array } {
  const matrix = new Float64Array(taps * taps);
  const mean = new Float64Array(taps);
  let windows = 0;
  for (const recording of recordings) {
    const { from } = recording;
    const [x, y] = [wholeOf(recording.x), wholeOf(recording.y)];
    for (let n = Math.max(from, taps - 1); n < from + y.length; n++) {
      const d = Array.from({ length: taps }, (_, j) => x[n - j]! - y[n - from]!);
      if (d.some(Number.isNaN)) continue;
      windows++;
      d.forEach((a, i) => {
        mean[i]! += a;
        d.forEach((b, j) => {
          matrix[i * taps + j]! += a * b;
        });
      });
    }
  }
  return {
    windows,
    matrix: matrix.map((value) => value / windows),
    mean: mean.map((value) => value / windows),
  };
}

function made(seed: number, level: number, holes: number): ChannelWindows {
  const noise = normal(seed);
  const chance = uniform(seed);
  const broken = () => (chance() < holes ? Number.NaN : level + noise());
  const x = Float64Array.from({ length: 600 }, broken);
  const y = Float64Array.from({ length: 450 }, broken);
  return channelWindows(memorySamples(x), memorySamples(y), 150, 17, { before: 0, after: 0 });
}

test.each([
  ['noise', 0, 0],
  ['holes', 0, 0.05],
  ['a level of a million', 1e6, 0.02],
] as const)('%s: the recurrence agrees with the definition, two recordings pooled', (_name, level, holes) => {
  const recordings = [made(1, level, holes), made(2, level, holes)];
  const expected = definition(recordings, 17);
  const actual = moments(recordings, 17);
  expect(actual.windows).toBe(expected.windows);
  actual.matrix.forEach((value, k) => {
    expect(Math.abs(value - expected.matrix[k]!)).toBeLessThan(1e-11);
  });
  actual.mean.forEach((value, j) => {
    expect(Math.abs(value - expected.mean[j]!)).toBeLessThan(1e-11);
  });
});

test('no window: zeros, not NaN', () => {
  const x = memorySamples(new Float64Array(30).fill(Number.NaN));
  expect(moments([channelWindows(x, x, 0, 3, { before: 0, after: 0 })], 3)).toEqual({
    windows: 0,
    centre: 0,
    matrix: new Float64Array(9),
    mean: new Float64Array(3),
  });
});
