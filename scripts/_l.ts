import { normalised } from '../src/dsp/kernel.ts';
import { readRecording } from '../src/train/readRecording.ts';
import { trainKernel } from '../src/train/train.ts';
import { lagOf } from '../src/train/vertices.ts';
import { csvOf, lengths, prove, recordings, targets } from '../test/train/proof/grid.ts';

for (const recording of ['cycling', 'seattle-weather', 'gait-accelerometer']) {
  const data = await readRecording(csvOf(recording));
  for (const taps of [129, 257])
    for (const target of ['forecast:1', 'forecast:8', 'smooth:32'])
      for (const perChannel of [false, true]) {
        const r = await trainKernel([data], { taps, target, perChannel });
        const lags = r.kernels.map((k) => lagOf(normalised(k.taps))).filter((l) => l > 1e-3);
        if (!lags.length) continue;
        const D = Math.min(...lags) / 2;
        const s = await trainKernel([data], { taps, target, perChannel, maxLag: String(D) });
        if (!(s.guarantees.lag <= D && s.guarantees.lag > 0.999 * D) || recording === 'cycling')
          console.log(
            recording,
            taps,
            target,
            perChannel,
            D,
            s.guarantees.lag / D - 1,
            s.kernels.map((k) => (lagOf(normalised(k.taps)) / D - 1).toExponential(1)).join(' '),
          );
      }
}
