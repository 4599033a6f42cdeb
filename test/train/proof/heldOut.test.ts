import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readRecording } from '../../../src/train/readRecording.ts';
import { type TrainOptions, trainKernel } from '../../../src/train/train.ts';
import { csvFile, uniform } from '../support.ts';
import { csvOf } from './grid.ts';

/** The recording with the cells of its last fifth changed at random, a few to none; times stay. */
function withOtherTest(path: string, seed: number): string {
  const random = uniform(seed);
  const [header, ...rows] = readFileSync(path, 'utf8').trim().split(/\r?\n/) as [string, ...string[]];
  const cut = Math.floor(0.8 * rows.length);
  const others = rows.map((row, r) => {
    if (r < cut) return row;
    const [time, ...cells] = row.split(',');
    return [
      time,
      ...cells.map((cell) => {
        if (Number.isNaN(Number(cell))) return cell;
        return random() < 0.02 ? '' : String(Number(cell) * (1 + random()) + 100 * random());
      }),
    ].join(',');
  });
  return csvFile(`${[header, ...others].join('\n')}\n`);
}

test.each<[string, TrainOptions]>([
  ['gait-accelerometer', { target: 'smooth:32' }],
  ['gait-accelerometer', { target: 'forecast:8', taps: 33, perChannel: true, bias: true, fill: 3 }],
  ['cycling', { target: 'column:power_w', taps: 33, maxLag: '4' }],
  ['seattle-weather', { target: 'forecast:1', taps: 65, family: 'ramp', fill: 2 }],
])(
  '%s %j: other test rows change no bit of the kernel, its training losses or its rivals',
  async (name, options) => {
    const columns = name === 'gait-accelerometer' ? ['ankle_vert', 'leg_vert', 'trunk_vert'] : undefined;
    const read = (path: string) => readRecording(path, { ...(columns && { columns }) });
    const once = await trainKernel([await read(csvOf(name))], options);
    const other = await trainKernel([await read(withOtherTest(csvOf(name), 5))], options);
    expect(other.kernels).toEqual(once.kernels);
    expect(other.loss.train).toEqual(once.loss.train);
    expect(other.tuned).toEqual(once.tuned);
    expect(other.certificate).toEqual(once.certificate);
    expect(other.fit).toEqual(once.fit);
    expect(other.channelLosses.map(({ train }) => train)).toEqual(
      once.channelLosses.map(({ train }) => train),
    );
    // They are other rows.
    expect(other.loss.heldOut).not.toEqual(once.loss.heldOut);
  },
);
