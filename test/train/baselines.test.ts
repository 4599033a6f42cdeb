import { beforeAll, describe, expect, test } from 'vitest';
import { readRecording } from '../../src/train/readRecording.ts';
import { wholeOf } from '../../src/train/samples.ts';
import { splitWindows } from '../../src/train/split.ts';
import { parseTarget } from '../../src/train/targets.ts';
import { type TrainResult, trainKernel } from '../../src/train/train.ts';
import type { ChannelWindows } from '../../src/train/windows.ts';
import { csvOf } from './proof/grid.ts';

const taps = 33;

/** Mean over channels of a filter's mean square error over that of the newest sample, filtered sample by sample. */
function lossOf(
  channels: readonly (readonly ChannelWindows[])[],
  filter: (x: Float64Array) => Float64Array,
): number {
  const losses = channels.map(([part]) => {
    const { from, runs } = part!;
    const [x, y] = [wholeOf(part!.x), wholeOf(part!.y)];
    const trend = filter(x);
    let [squares, newest] = [0, 0];
    for (const [first, end] of runs) {
      for (let n = first; n < end; n++) {
        squares += (trend[n]! - y[n - from]!) ** 2;
        newest += (x[n]! - y[n - from]!) ** 2;
      }
    }
    return squares / newest;
  });
  return losses.reduce((a, b) => a + b, 0) / losses.length;
}

function exponential(a: number): (x: Float64Array) => Float64Array {
  return (x) => {
    let state = x[0]!;
    return x.map((sample) => (state = a * sample + (1 - a) * state));
  };
}

function weighted(w: readonly number[]): (x: Float64Array) => Float64Array {
  return (x) =>
    x.map((_, n) => (n < taps - 1 ? Number.NaN : w.reduce((sum, tap, j) => sum + tap * x[n - j]!, 0)));
}

describe.each([
  ['cycling', 'smooth:32'],
  ['seattle-weather', 'forecast:8'],
  ['gait-accelerometer', 'forecast:1'],
])('%s, %s', (name, target) => {
  let result: TrainResult;
  let channels: readonly (readonly ChannelWindows[])[];
  beforeAll(async () => {
    const recording = await readRecording(csvOf(name));
    result = await trainKernel([recording], { target, taps });
    channels = splitWindows([recording], parseTarget(target, recording.rate), taps, 0.2).train;
  });

  test('no exponential average of a dense grid is better, and the loss told is its loss', () => {
    const { ema } = result.tuned[0]!;
    const told = result.loss.train.ema;
    expect(lossOf(channels, exponential(ema))).toBeCloseTo(told, 9);
    for (let i = 0; i <= 500; i++) {
      const a = 10 ** (-4 + (4 * i) / 500);
      expect(lossOf(channels, exponential(a))).toBeGreaterThan(told * (1 - 1e-6));
    }
  });

  test('no moving average is better', () => {
    const { sma } = result.tuned[0]!;
    const losses = Array.from({ length: taps }, (_, i) =>
      lossOf(channels, weighted(Array.from({ length: taps }, (_, j) => (j <= i ? 1 / (i + 1) : 0)))),
    );
    expect(losses[sma - 1]).toBeCloseTo(Math.min(...losses), 12);
    expect(losses[sma - 1]).toBeCloseTo(result.loss.train.sma, 9);
  });

  test('no ramp of a dense grid is better', () => {
    const rampOf = (tau: number) => {
      const w = Array.from({ length: taps }, (_, j) => Math.exp(-j / tau));
      const total = w.reduce((a, b) => a + b, 0);
      return weighted(w.map((value) => value / total));
    };
    const told = result.loss.train.ramp;
    const { ramp } = result.tuned[0]!;
    expect(lossOf(channels, rampOf(ramp === 0 ? 1e-3 : ramp!))).toBeCloseTo(told, 7);
    for (let i = 0; i <= 60; i++) {
      expect(lossOf(channels, rampOf(0.05 * 20_000 ** (i / 60)))).toBeGreaterThan(told * (1 - 1e-6));
    }
  });
});
