import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createTrendFilter } from '../../src/filter/trendFilter.ts';
import { readRecording } from '../../src/train/readRecording.ts';
import { root } from '../support/command.ts';
import { counts, seed } from '../support/counts.ts';
import { mustBeNearReference } from './againstReference.ts';
import { type CutStyle, cutIntoFrames, mustStreamExactly, nothingReached } from './streaming.ts';
import { cpu, integer, randomFrom, randomKernel } from './support.ts';

const reached = nothingReached();

describe.each(['gait-accelerometer.csv', 'cycling.csv', 'seattle-weather.csv'])('%s', (file) => {
  test(`three copies cut anyhow, with and without losses, equal the whole bit for bit (seed ${seed})`, async () => {
    const random = randomFrom(seed);
    const { channels, values, length } = await readRecording(join(root, 'recordings', file));
    const planes = new Float32Array(channels.length * length);
    for (const [c, channel] of values.entries()) planes.set(channel, c * length);
    for (let round = 0; round < counts(4, 80); round++) {
      const perChannel = round % 3 === 2;
      const count = perChannel ? channels.length : 1;
      const taps = integer(random, 1, 513);
      const kernels = Array.from({ length: count }, () => randomKernel(random, taps));
      const filter = await createTrendFilter(kernels, { device: cpu, perChannel });
      const cuts = (['short', 'any', 'short'] as const).map((style: CutStyle, i) =>
        cutIntoFrames(random, planes.slice(), channels.length, { style, gaps: i === 2, resets: i === 2 }),
      );
      const [whole] = await mustStreamExactly(random, filter, cuts, reached);
      for (let c = 0; c < channels.length; c++) {
        const part = (plane: Float32Array) => plane.subarray(c * length, (c + 1) * length);
        const trends = { trend: part(whole!.trend), coverage: part(whole!.coverage) };
        mustBeNearReference(part(planes), kernels[perChannel ? c : 0]!, filter.minCoverage, trends);
      }
      await filter.release();
    }
  });
});

afterAll(() => {
  process.stdout.write(`recordings reached ${JSON.stringify(reached)}\n`);
  expect(reached.outputs).toBeGreaterThan(500_000);
  expect(reached.gaps).toBeGreaterThan(20);
  expect(reached.replays).toBeGreaterThan(20);
});
