import { describe, expect, test } from 'vitest';
import { wholeOf } from '../../src/train/samples.ts';
import { mostWindows, splitWindows } from '../../src/train/split.ts';
import { normal, recordingOf } from './support.ts';

const noise = (samples: number, seed = 1) => Float64Array.from({ length: samples }, normal(seed));
const newest = ({ runs }: { runs: readonly (readonly [number, number])[] }) => runs.flat();

describe('windows', () => {
  test('forecast: the newest sample and the target lie in the part, older samples may lie before it', () => {
    const { train, heldOut } = splitWindows(
      [recordingOf(noise(103))],
      { kind: 'forecast', steps: 3 },
      8,
      0.2,
    );
    // floor(0.8·103) = 82 train; the last newest sample is 82 - 3 - 1 and the first of the held-out part is 82.
    expect(newest(train[0]![0]!)).toEqual([7, 79]);
    expect(newest(heldOut[0]![0]!)).toEqual([82, 100]);
  });

  test('smooth: each part has ends of its own', () => {
    const { train, heldOut } = splitWindows(
      [recordingOf(noise(400))],
      { kind: 'smooth', period: 10 },
      21,
      0.25,
    );
    expect(newest(train[0]![0]!)).toEqual([20, 285]);
    expect(newest(heldOut[0]![0]!)).toEqual([315, 385]);
  });

  test.each(['forecast', 'smooth'] as const)(
    '%s: the held-out samples change nothing in training',
    (kind) => {
      const target = kind === 'forecast' ? ({ kind, steps: 2 } as const) : ({ kind, period: 12 } as const);
      const x = noise(300);
      const other = x.map((value, n) => (n >= 240 ? 1e6 : value));
      const targets = (samples: Float64Array) => [
        ...wholeOf(splitWindows([recordingOf(samples)], target, 10, 0.2).train[0]![0]!.y),
      ];
      expect(targets(other)).toEqual(targets(x));
    },
  );

  test('a missing sample takes the K windows that hold it and the one it is the target of', () => {
    const x = noise(200);
    x[100] = Number.NaN;
    const { train } = splitWindows([recordingOf(x)], { kind: 'forecast', steps: 1 }, 5, 0);
    expect(newest(train[0]![0]!)).toEqual([4, 99, 105, 199]);
    expect(train[0]![0]).toMatchObject({ used: 189, leftOut: 6 });
  });

  test('without holes none is left out', () => {
    const { train, heldOut } = splitWindows(
      [recordingOf(noise(500))],
      { kind: 'smooth', period: 20 },
      41,
      0.2,
    );
    expect([train[0]![0]!.leftOut, heldOut[0]![0]!.leftOut]).toEqual([0, 0]);
  });

  test('filled: the windows are complete again, the target is not', () => {
    const x = noise(200);
    x[100] = Number.NaN;
    const forecast = { kind: 'forecast', steps: 1 } as const;
    const { train } = splitWindows([recordingOf(x)], forecast, 5, 0, 1);
    // Sample 99 has the hole as its target.
    expect(newest(train[0]![0]!)).toEqual([4, 99, 100, 199]);
    expect(train[0]![0]).toMatchObject({ used: 194, leftOut: 1 });
    expect(train[0]![0]!.x.read(100, 101)[0]).toBeCloseTo((x[99]! + x[101]!) / 2, 15);
    expect(train[0]![0]!.y.read(99, 100)[0]).toBeNaN();
  });

  test('a hole at the split is not filled from the held-out part', () => {
    const x = noise(100);
    x.fill(Number.NaN, 78, 81);
    const { train, heldOut } = splitWindows([recordingOf(x)], { kind: 'forecast', steps: 1 }, 5, 0.2, 3);
    expect(newest(train[0]![0]!)).toEqual([4, 77]);
    expect(newest(heldOut[0]![0]!)).toEqual([80, 99]);
  });

  test('each recording is split by itself', () => {
    const recordings = [recordingOf(noise(100)), recordingOf(noise(50))];
    const { train, heldOut } = splitWindows(recordings, { kind: 'forecast', steps: 1 }, 4, 0.2);
    expect(train[0]!.map(newest)).toEqual([
      [3, 79],
      [3, 39],
    ]);
    expect(heldOut[0]!.map(newest)).toEqual([
      [80, 99],
      [40, 49],
    ]);
    expect(mostWindows(train)).toBe(112);
  });

  test('holdout 0 holds nothing out', () => {
    expect(
      mostWindows(splitWindows([recordingOf(noise(100))], { kind: 'forecast', steps: 1 }, 4, 0).heldOut),
    ).toBe(0);
  });
});

describe('too short', () => {
  test('for missing samples: they are counted, and what bridges them is named', () => {
    const x = noise(200).map((value, n) => (n % 12 === 5 ? Number.NaN : value));
    const split = (fill: number) =>
      splitWindows([recordingOf(x)], { kind: 'forecast', steps: 1 }, 16, 0.2, fill);
    expect(() => split(0)).toThrow(
      /got 0 from 160 of the 200 samples of made.csv; up to 144 windows a channel were left out for missing samples, and --fill N/,
    );
    expect(mostWindows(split(1).train)).toBeGreaterThan(100);
  });

  const forecast = { kind: 'forecast', steps: 1 } as const;
  test.each([
    [
      'K longer than the recording',
      60,
      forecast,
      65,
      0.2,
      'tapsTooMany',
      /K = 65 is longer than the training part, 48 of the 60 samples of made.csv/,
    ],
    [
      'fewer than 2 K windows',
      100,
      forecast,
      40,
      0.2,
      'tooFewWindows',
      /at least 80 windows \(2 K\) of 40 samples .* got 40 from 80 of the 100 samples/,
    ],
    [
      'a period above a third',
      100,
      { kind: 'smooth', period: 32 },
      9,
      0.2,
      'targetPeriod',
      /\(80 samples in the training part, so at most 26.6.*\), got 32/,
    ],
    ['holdout 1', 100, forecast, 4, 1, 'holdout', /from 0 to below 1, got 1/],
    ['holdout NaN', 100, forecast, 4, Number.NaN, 'holdout', /got NaN/],
  ] as const)('%s', (_name, samples, target, taps, holdout, code, message) => {
    expect(() => splitWindows([recordingOf(noise(samples))], target, taps, holdout)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });
});
