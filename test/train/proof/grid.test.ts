import { expect, test } from 'vitest';
import { pythonPath, whyNoPython } from '../../support/python.ts';
import { prove, type Setting } from './grid.ts';

const python = pythonPath();
const skipped = python === undefined ? ` [skipped: ${whyNoPython()}]` : '';

/** Each recording, K, target and family twice; `npm run proof -- grid` does all. */
const slice: readonly Setting[] = (
  [
    ['cycling', 33, 'smooth:32', 'cumulative', true],
    ['cycling', 257, 'forecast:8', 'boxcars', false],
    ['gait-accelerometer', 129, 'smooth:32', 'cumulative', false],
    // Where rounding to float32 alone carried the lag over its limit.
    ['gait-accelerometer', 257, 'forecast:8', 'boxcars', false],
    ['seattle-weather', 33, 'forecast:1', 'boxcars', true],
    ['seattle-weather', 129, 'forecast:1', 'cumulative', false],
  ] as const
).map(([recording, taps, target, family, perChannel]) => ({ recording, taps, target, family, perChannel }));

test.skipIf(python === undefined)(
  `certified to 1e-6, SciPy's optimum to 1e-6, and within 0.2 % without the polish${skipped}`,
  async () => {
    const proofs = await prove(python!, slice);
    // Each once without and once with a largest lag, which binds.
    expect(proofs).toHaveLength(2 * slice.length);
    for (const proof of proofs) {
      const named = `${Object.values(proof).slice(0, 6).join(', ')}`;
      expect.soft(proof.certificate, named).toBeLessThan(1e-6);
      expect.soft(proof.certificatesDiffer, named).toBeLessThan(1e-6);
      expect.soft(proof.fromOptimum, named).toBeLessThan(1e-6);
      expect.soft(proof.unpolished, named).toBeLessThan(0.002);
      if (proof.maxLag !== null) {
        expect.soft(proof.lag, named).toBeLessThanOrEqual(proof.maxLag);
        expect.soft(proof.lag, named).toBeGreaterThan(0.999 * proof.maxLag);
      }
    }
  },
  300_000,
);
