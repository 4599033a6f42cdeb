import type { Divisors } from './loss.ts';
import type { Split } from './split.ts';
import type { ChannelWindows } from './windows.ts';

/** A bias for each channel, in its unit; `best` is that of each a by itself, which makes its error smallest. */
type Biases = readonly number[] | 'best';

/**
 * The losses of exponential averages `y += a·(x - y)`, which run from the recording's first sample on and hold their
 * state across missing ones, on the windows of a part.
 *
 * @param rates each an a, 0 < a ≤ 1; 1 is the newest sample alone
 * @param biases added to the averages; none by default
 * @returns a loss for each a
 */
export function emaLosses(
  channels: Split['train'],
  divisors: Divisors,
  rates: Float64Array,
  biases?: Biases,
): Float64Array {
  const losses = new Float64Array(rates.length);
  let taken = 0;
  channels.forEach((recordings, c) => {
    const divisor = divisors[c];
    const { windows, squares, means } = errors(recordings, rates);
    if (typeof divisor !== 'number' || windows === 0) return;
    taken++;
    squares.forEach((square, i) => {
      const mean = means[i]!;
      const bias = biases === 'best' ? -mean : (biases?.[c] ?? 0);
      losses[i]! += (square + bias * (2 * mean + bias)) / divisor;
    });
  });
  return losses.map((loss) => loss / taken);
}

/** The best bias of each channel for the exponential average `a`; 0 for one that is left out. */
export function emaBiases(channels: Split['train'], divisors: Divisors, a: number): number[] {
  return channels.map((recordings, c) =>
    divisors[c] === null ? 0 : 0 - errors(recordings, Float64Array.of(a)).means[0]!,
  );
}

/** Of one channel: per a the mean square and the mean of the errors over its windows. */
function errors(
  recordings: readonly ChannelWindows[],
  rates: Float64Array,
): { readonly windows: number; readonly squares: Float64Array; readonly means: Float64Array } {
  const totals = { squares: new Float64Array(rates.length), means: new Float64Array(rates.length) };
  const windows = recordings.reduce((total, { used }) => total + used, 0);
  for (const recording of recordings) addErrors(recording, rates, totals);
  const mean = (total: number) => (windows === 0 ? 0 : total / windows);
  return { windows, squares: totals.squares.map(mean), means: totals.means.map(mean) };
}

/** Adds the sums over a recording's windows; all a in one pass over the samples. */
function addErrors(
  { x, y, from, runs }: ChannelWindows,
  rates: Float64Array,
  totals: { readonly squares: Float64Array; readonly means: Float64Array },
): void {
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
      for (let i = 0; i < states.length; i++) {
        const error = states[i]! - target;
        totals.squares[i]! += error * error;
        totals.means[i]! += error;
      }
    }
  }
}
