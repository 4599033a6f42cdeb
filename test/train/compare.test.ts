import { describe, expect, test } from 'vitest';
import { batchMeansInterval, compare } from '../../src/train/compare.ts';
import { studentT } from '../../src/train/studentT.ts';
import { noisyWalk, normal, recordingOf } from './support.ts';

const average = (length: number) => ({
  kernels: [{ taps: new Float64Array(length).fill(1 / length), bias: 0 }],
});
const options = { target: 'forecast:1', holdout: 0.5, fill: 0 };

test.each([
  [0.95, 1, 12.7062],
  [0.95, 4, 2.7764],
  [0.95, 5, 2.5706],
  [0.95, 10, 2.2281],
  [0.99, 30, 2.75],
  [0.95, 120, 1.9799],
])('the two-sided %d quantile of t with %d degrees of freedom is that of the tables, %d', (p, freedom, t) => {
  expect(studentT(p, freedom)).toBeCloseTo(t, 4);
});

test('the interval of independent terms holds their expected sum in 95 of 100 cases', () => {
  const draw = normal(7);
  const trials = 4000;
  let held = 0;
  for (let i = 0; i < trials; i++) {
    const [low, high] = batchMeansInterval(Float64Array.from({ length: 6 }, () => 0.3 + draw()));
    if (low <= 1.8 && 1.8 <= high) held++;
  }
  // Three standard deviations of a share of 0.95 in 4,000 trials are 0.0103.
  expect(Math.abs(held / trials - 0.95)).toBeLessThan(0.0104);
});

describe('two models', () => {
  const walk = noisyWalk(8000, 0.1, 1);

  test('their losses are those of windows cut out one by one', () => {
    const { candidate, inForce, difference, blocks, blockSamples } = compare(
      [recordingOf(walk)],
      average(4),
      average(9),
      options,
    );
    const squares = (length: number, from: number, to: number) => {
      let total = 0;
      for (let n = from; n < to; n++) {
        const trend = walk.subarray(n - length + 1, n + 1).reduce((a, b) => a + b, 0) / length;
        total += (trend - walk[n + 1]!) ** 2;
      }
      return total / (to - from);
    };
    // The windows of both are those complete for nine samples.
    const unit = squares(1, 8, 3999);
    expect(candidate).toBeCloseTo(squares(4, 4000, 7999) / unit, 10);
    expect(inForce).toBeCloseTo(squares(9, 4000, 7999) / unit, 10);
    expect(difference).toBeCloseTo(candidate - inForce, 12);
    expect(blocks).toBe(Math.floor(4000 / 36));
    expect(blockSamples).toBeGreaterThanOrEqual(36);
  });

  test('the better is better, the worse worse, and the same neither', () => {
    // The best gain for q = 0.1 is 0.27: an average of about 6.
    const of = (a: number, b: number) => compare([recordingOf(walk)], average(a), average(b), options);
    expect(of(6, 40)).toMatchObject({ better: true, reason: expect.stringMatching(/so it is better\.$/) });
    expect(of(40, 6)).toMatchObject({ better: false, reason: expect.stringMatching(/so it is worse\.$/) });
    expect(of(6, 6)).toMatchObject({ better: false, difference: 0, interval: [0, 0] });
  });

  test('two kernels of equal merit are told apart in 5 of 100 cases', () => {
    // On white noise the expected loss is 1 + Σ w², whatever the order of the taps.
    const kernel = (...taps: number[]) => ({ kernels: [{ taps: Float64Array.from(taps), bias: 0 }] });
    const trials = 400;
    let told = 0;
    for (let seed = 0; seed < trials; seed++) {
      const noise = recordingOf(Float64Array.from({ length: 1200 }, normal(seed + 1)));
      const { interval } = compare([noise], kernel(0.7, 0.2, 0.1), kernel(0.1, 0.2, 0.7), options);
      if (interval![0] > 0 || interval![1] < 0) told++;
    }
    // Three standard deviations of a share of 0.05 in 400 trials.
    expect(Math.abs(told / trials - 0.05)).toBeLessThan(0.033);
  });

  test('too few blocks are no proof', () => {
    const short = recordingOf(walk.subarray(0, 1200));
    expect(compare([short], average(6), average(40), options)).toMatchObject({
      better: false,
      interval: null,
      blocks: 3,
      reason: expect.stringMatching(/3 blocks of 160 samples, too few .* \(5 are needed\)\.$/),
    });
  });

  test('recordings follow one another: blocks run across them', () => {
    const recordings = [recordingOf(walk.subarray(0, 3000)), recordingOf(walk.subarray(3000, 3300))];
    expect(compare(recordings, average(6), average(40), options).blocks).toBe(Math.floor(1650 / 160));
  });
});
