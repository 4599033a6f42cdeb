import { expect, test } from 'vitest';
import { readRecording } from '../../../src/train/readRecording.ts';
import { type TrainResult, trainKernel } from '../../../src/train/train.ts';
import { noisyWalk, recordingOf } from '../support.ts';
import { csvOf } from './grid.ts';

async function trained(name: string, target: string): Promise<TrainResult> {
  const recording = await readRecording(csvOf(name));
  // A row a sample: no gap was found, and no cell is missing.
  expect(recording.seqs.every((seq, row) => seq === row)).toBe(true);
  expect(recording.length).toBe(recording.seqs.length);
  const result = await trainKernel([recording], { target });
  expect(result.windows.leftOut).toBe(0);
  return result;
}

test.each(['cycling', 'seattle-weather'])(
  '%s, smooth:32: no gap, and the shared kernel is better than the newest sample on each channel',
  async (name) => {
    const { channelLosses, warnings, channels } = await trained(name, 'smooth:32');
    expect(channelLosses.map(({ channel }) => channel)).toEqual(channels);
    for (const { train } of channelLosses) expect(train).toBeLessThan(1);
    expect(warnings).toEqual([]);
  },
);

test('cycling, forecast:8: the channels on which the shared kernel does harm are named', async () => {
  const { channelLosses, warnings } = await trained('cycling', 'forecast:8');
  const worse = channelLosses.filter(({ train }) => train! > 1).map(({ channel }) => channel);
  expect(worse).toEqual(['altitude_m', 'speed_m_s']);
  expect(warnings).toEqual([
    expect.stringMatching(
      /^channel "altitude_m": the kernel is worse than the newest .* 8\.2 % above .*--per-channel/,
    ),
    expect.stringMatching(/^channel "speed_m_s": .* 3\.4 % above/),
  ]);
});

test('seattle-weather, forecast:8: none is worse, none is named', async () => {
  const { channelLosses, warnings } = await trained('seattle-weather', 'forecast:8');
  for (const { train } of channelLosses) expect(train).toBeLessThan(1);
  expect(warnings).toEqual([]);
});

/** The mean square error of taps and a bias at forecast:2, window by window. */
function error(x: Float64Array, taps: ArrayLike<number>, bias: number, from: number, to: number): number {
  let [squares, windows] = [0, 0];
  for (let n = Math.max(from, taps.length - 1); n + 2 < to; n++, windows++) {
    let trend = bias;
    for (let j = 0; j < taps.length; j++) trend += taps[j]! * x[n - j]!;
    squares += (trend - x[n + 2]!) ** 2;
  }
  return squares / windows;
}

test.each([false, true])(
  'the losses by channel are those of windows one by one, per channel %s',
  async (own) => {
    const walks = [noisyWalk(1000, 0.1, 1), noisyWalk(1000, 2, 2).map((v) => 30 * v)];
    const { channelLosses, kernels, loss } = await trainKernel([recordingOf(...walks)], {
      target: 'forecast:2',
      taps: 12,
      bias: true,
      perChannel: own,
    });
    walks.forEach((x, c) => {
      const { taps, bias } = kernels[c]!;
      const total = taps.reduce((a, b) => a + b, 0);
      const w = Float64Array.from(taps, (value) => value / total);
      const newest = error(x, [1, ...new Array<number>(11).fill(0)], 0, 0, 800);
      expect(channelLosses[c]!.train).toBeCloseTo(error(x, w, bias, 0, 800) / newest, 9);
      expect(channelLosses[c]!.heldOut).toBeCloseTo(error(x, w, bias, 800, 1000) / newest, 9);
    });
    expect(loss.train.learned).toBeCloseTo((channelLosses[0]!.train! + channelLosses[1]!.train!) / 2, 9);
  },
);
