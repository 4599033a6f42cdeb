import { beforeAll, describe, expect, test } from 'vitest';
import { type Backend, loadBackend } from '../../../src/train/backend.ts';
import { logTimeConstants } from '../../../src/train/bestRamp.ts';
import { finish } from '../../../src/train/finish.ts';
import { fitKernel } from '../../../src/train/fitKernel.ts';
import { lossOf, trainingLoss } from '../../../src/train/loss.ts';
import { readRecording } from '../../../src/train/readRecording.ts';
import { splitWindows } from '../../../src/train/split.ts';
import { parseTarget } from '../../../src/train/targets.ts';
import { trainKernel } from '../../../src/train/train.ts';
import { csvOf, recordings } from './grid.ts';

let backend: Backend;
beforeAll(async () => {
  backend = await loadBackend();
});

const taps = 65;
/** Weights exp(-j/τ), divided by their sum: the ramp as a function of age. */
function ramp(tau: number): Float64Array {
  const w = Float64Array.from({ length: taps }, (_, j) => Math.exp(-j / tau));
  const total = w.reduce((a, b) => a + b, 0);
  return w.map((value) => value / total);
}

describe.each(recordings)('%s', (name) => {
  test.each(['forecast:1', 'forecast:8', 'smooth:32'])(
    '%s: whatever α it starts from, the best',
    async (target) => {
      const recording = await readRecording(csvOf(name));
      const split = splitWindows([recording], parseTarget(target, recording.rate), taps, 0.2);
      const loss = trainingLoss(split.train, taps);
      // From a time constant of 1/50 of a sample to one of 500 lengths of the kernel, and the moving average.
      const points = 20_000;
      let scanned = lossOf(loss, new Float64Array(taps).fill(1 / taps));
      for (let i = 0; i <= points; i++) {
        const tau = 0.02 * (25_000 * taps) ** (i / points);
        scanned = Math.min(scanned, lossOf(loss, ramp(tau)));
      }
      const trained = await trainKernel([recording], { target, taps, family: 'ramp' });
      expect(Math.abs(trained.loss.train.learned / scanned - 1)).toBeLessThan(1e-6);

      expect(trained.fit.trajectory.at(-1)! / scanned - 1).toBeLessThan(0.002);

      // α from 17, where the second tap is 4e-8 of the first and float32 has no gradient left, to 1/65,000. The loss may
      // have a second minimum at the newest sample alone, where gradients end; what is written is the best all the same.
      const { from, to } = logTimeConstants(taps);
      for (const log of [from, Math.log(0.1), 0, 1, 2, 3, 5, to]) {
        const fit = await fitKernel(backend, 'ramp', loss, { start: Float32Array.of(log) });
        expect(fit.trajectory.at(-1)).toBeLessThanOrEqual(fit.trajectory[0]!);
        expect(finish('ramp', fit.taps, loss, Infinity).taps).toEqual(trained.kernels[0].taps);
      }
    },
  );
});
