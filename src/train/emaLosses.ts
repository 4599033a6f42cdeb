import type { Divisors } from './loss.ts';
import type { Split } from './split.ts';
import { type ChannelWindows, type WindowChunk, windowChunks } from './windows.ts';

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
  recording: ChannelWindows,
  rates: Float64Array,
  totals: { readonly squares: Float64Array; readonly means: Float64Array },
): void {
  const states = new Float64Array(rates.length).fill(Number.NaN);
  for (const chunk of windowChunks(recording, 0)) {
    // The average begins as the recording's first sample.
    if (Number.isNaN(states[0]!)) {
      const start = chunk.x.find((sample) => !Number.isNaN(sample));
      if (start === undefined) continue;
      states.fill(start);
    }
    for (let i = 0; i < rates.length; i += 4) followFour(chunk, rates, states, i, totals);
  }
}

/** Takes four averages (those from i on, as far as there are so many) through a chunk: in registers, side by side. */
function followFour(
  { x, y, from, runs, fresh }: WindowChunk,
  rates: Float64Array,
  states: Float64Array,
  i: number,
  { squares, means }: { readonly squares: Float64Array; readonly means: Float64Array },
): void {
  const [a0, a1 = 0, a2 = 0, a3 = 0] = rates.subarray(i, i + 4) as unknown as [
    number,
    number?,
    number?,
    number?,
  ];
  let [s0 = 0, s1 = 0, s2 = 0, s3 = 0] = states.subarray(i, i + 4);
  let [q0, q1, q2, q3] = [0, 0, 0, 0];
  let [m0, m1, m2, m3] = [0, 0, 0, 0];
  let n = fresh;
  const follow = (end: number): void => {
    for (; n < end; n++) {
      const sample = x[n]!;
      if (Number.isNaN(sample)) continue;
      s0 += a0 * (sample - s0);
      s1 += a1 * (sample - s1);
      s2 += a2 * (sample - s2);
      s3 += a3 * (sample - s3);
    }
  };
  for (const [first, end] of runs) {
    follow(first);
    for (; n < end; n++) {
      const sample = x[n]!;
      const target = y[n - from]!;
      s0 += a0 * (sample - s0);
      s1 += a1 * (sample - s1);
      s2 += a2 * (sample - s2);
      s3 += a3 * (sample - s3);
      const e0 = s0 - target;
      const e1 = s1 - target;
      const e2 = s2 - target;
      const e3 = s3 - target;
      q0 += e0 * e0;
      q1 += e1 * e1;
      q2 += e2 * e2;
      q3 += e3 * e3;
      m0 += e0;
      m1 += e1;
      m2 += e2;
      m3 += e3;
    }
  }
  follow(x.length);
  // Writes beyond the last average are lost, as they should be.
  const put = (target: Float64Array, values: readonly number[]) =>
    values.forEach((value, k) => {
      target[i + k] = value;
    });
  put(states, [s0, s1, s2, s3]);
  put(squares, [squares[i]! + q0, squares[i + 1]! + q1, squares[i + 2]! + q2, squares[i + 3]! + q3]);
  put(means, [means[i]! + m0, means[i + 1]! + m1, means[i + 2]! + m2, means[i + 3]! + m3]);
}
