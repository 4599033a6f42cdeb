import { expect, test } from 'vitest';
import { pythonPath, whyNoPython } from '../../support/python.ts';
import { prove, type Setting } from './grid.ts';

const python = pythonPath();
const skipped = python === undefined ? ` [skipped: ${whyNoPython()}]` : '';

/** Each recording, K and target three times; `npm run proof -- grid` does all. */
const slice: readonly Setting[] = (
  [
    ['cycling', 33, 'forecast:1', 'boxcars', true],
    ['cycling', 129, 'smooth:32', 'cumulative', false],
    ['cycling', 257, 'forecast:8', 'boxcars', false],
    ['gait-accelerometer', 33, 'smooth:32', 'boxcars', false],
    ['gait-accelerometer', 129, 'forecast:8', 'cumulative', false],
    ['gait-accelerometer', 257, 'forecast:1', 'boxcars', false],
    ['seattle-weather', 33, 'forecast:8', 'cumulative', true],
    ['seattle-weather', 129, 'forecast:1', 'boxcars', false],
    ['seattle-weather', 257, 'smooth:32', 'cumulative', false],
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
  120_000,
);
