import type { Divisors } from './loss.ts';
import type { Split } from './split.ts';
import type { ChannelWindows } from './windows.ts';

/**
 * The losses of exponential averages `y += a·(x - y)`, which run from the recording's first sample on and hold their
 * state across missing ones, on the windows of a part.
 *
 * @param rates each an a, 0 < a ≤ 1; 1 is the newest sample alone
 * @returns a loss for each a
 */
export function emaLosses(channels: Split['train'], divisors: Divisors, rates: Float64Array): Float64Array {
  const losses = new Float64Array(rates.length);
  let taken = 0;
  channels.forEach((recordings, c) => {
    const divisor = divisors[c];
    const windows = recordings.reduce((total, { used }) => total + used, 0);
    if (typeof divisor !== 'number' || windows === 0) return;
    taken++;
    for (const recording of recordings) {
      squaredErrors(recording, rates).forEach((squares, i) => {
        losses[i]! += squares / windows / divisor;
      });
    }
  });
  return losses.map((loss) => loss / taken);
}

/** Per a the sum over windows; all of them in one pass over the samples. */
function squaredErrors({ x, y, from, runs }: ChannelWindows, rates: Float64Array): Float64Array {
  const totals = new Float64Array(rates.length);
  const start = x.find((sample) => !Number.isNaN(sample)) ?? 0;
  const states = new Float64Array(rates.length).fill(start);
  let n = 0;
  for (const [first, end] of runs) {
    for (; n < end; n++) {
      const sample = x[n]!;
      if (Number.isNaN(sample)) continue;
      for (let i = 0; i < states.length; i++) states[i]! += rates[i]! * (sample - states[i]!);
      if (n < first) continue;
      const target = y[n - from]!;
      for (let i = 0; i < states.length; i++) totals[i]! += (states[i]! - target) * (states[i]! - target);
    }
  }
  return totals;
}
