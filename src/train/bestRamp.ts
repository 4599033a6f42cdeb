import { mixtureTaps, rampTaps } from '../dsp/families.ts';
import { lossOf, type QuadraticLoss } from './loss.ts';
import { scanMinimum } from './scanMinimum.ts';
import { lagOf } from './vertices.ts';

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

/** The log of the longest time constant that {@link logTimeConstants} allows with a lag of at most `maxLag` samples. */
export function longestWithin(taps: number, maxLag: number): number {
  let { from, to } = logTimeConstants(taps);
  const within = (log: number) => lagOf(rampTaps(taps, Math.exp(-log))) <= maxLag;
  if (within(to)) return to;
  for (let halving = 0; halving < 60; halving++) {
    const middle = (from + to) / 2;
    if (within(middle)) from = middle;
    else to = middle;
  }
  return from;
}

/** @see {@link rampBy} */
export function bestRamp(loss: QuadraticLoss, maxLag = Infinity): Ramp {
  return rampBy(({ taps }) => lossOf(loss, taps), loss.taps, maxLag);
}

/**
 * The ramp with the smallest loss: one number, its time constant τ, found over log τ, the two limits included.
 *
 * @param taps K
 * @param maxLag the largest Σ j·w[j], samples
 * @param scans how log τ is searched
 */
export function rampBy(
  loss: (ramp: Ramp) => number,
  taps: number,
  maxLag: number,
  scans: Parameters<typeof scanMinimum>[3] = { points: 65, scans: 6 },
): Ramp {
  const ramp = (timeConstant: number): Ramp => ({ timeConstant, taps: rampTaps(taps, 1 / timeConstant) });
  const { from } = logTimeConstants(taps);
  const to = longestWithin(taps, maxLag);
  const log = scanMinimum((logs) => logs.map((x) => loss(ramp(Math.exp(x)))), from, to, scans);
  const limits = rampLimits(taps).filter(({ taps: w }) => lagOf(w) <= maxLag);
  return [ramp(Math.exp(log)), ...limits].reduce((a, b) => (loss(b) < loss(a) ? b : a));
}

function rampLimits(taps: number): Ramp[] {
  const vertex = (m: number) => mixtureTaps(Float64Array.from({ length: taps }, (_, i) => (i === m ? 1 : 0)));
  return [
    { timeConstant: 0, taps: vertex(0) },
    { timeConstant: Infinity, taps: vertex(taps - 1) },
  ];
}
