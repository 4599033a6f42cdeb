import { mixtureTaps, rampTaps } from '../dsp/families.ts';
import { lossOf, type QuadraticLoss } from './loss.ts';
import { scanMinimum } from './scanMinimum.ts';

export interface Ramp {
  /** Newest first, float64. */
  readonly taps: Float64Array;
  /** 1/α samples: 0 is the newest sample alone, Infinity the moving average. */
  readonly timeConstant: number;
}

/** Below this time constant (samples) the second tap is under 2^-24 of the first. */
const shortest = 1 / 17;

/** The log of the time constants between which a ramp of K taps is neither of its two limits, to about 1e-3. */
export function logTimeConstants(taps: number): { readonly from: number; readonly to: number } {
  return { from: Math.log(shortest), to: Math.log(1000 * taps) };
}

/** The ramp with the smallest loss: one number, its time constant τ, found over log τ, the two limits included. */
export function bestRamp(loss: QuadraticLoss): Ramp {
  const { taps } = loss;
  const ramp = (timeConstant: number): Ramp => ({ timeConstant, taps: rampTaps(taps, 1 / timeConstant) });
  const { from, to } = logTimeConstants(taps);
  const log = scanMinimum((logs) => logs.map((x) => lossOf(loss, ramp(Math.exp(x)).taps)), from, to, {
    points: 65,
    scans: 6,
  });
  return [ramp(Math.exp(log)), ...rampLimits(taps)].reduce((a, b) =>
    lossOf(loss, b.taps) < lossOf(loss, a.taps) ? b : a,
  );
}

function rampLimits(taps: number): Ramp[] {
  const vertex = (m: number) => mixtureTaps(Float64Array.from({ length: taps }, (_, i) => (i === m ? 1 : 0)));
  return [
    { timeConstant: 0, taps: vertex(0) },
    { timeConstant: Infinity, taps: vertex(taps - 1) },
  ];
}
