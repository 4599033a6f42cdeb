import { centred } from './centre.ts';
import type { PartLoss } from './loss.ts';
import type { Split } from './split.ts';
import { type ChannelWindows, windowChunks } from './windows.ts';

/** A bias for each channel, in its unit; `best` is that of each a by itself, which makes its error smallest. */
type Biases = readonly number[] | 'best';

/**
 * The losses of exponential averages `y += a·(x - y)`, which run from the recording's first sample on and hold their
 * state across missing ones, on the windows of a part.
 *
 * @param rates each an a, 0 < a ≤ 1; 1 is the newest sample alone
 * @param part has the divisors, and where there are biases the centres
 * @param biases added to the averages; none by default
 * @returns a loss for each a
 */
export function emaLosses(
  channels: Split['train'],
  { divisors, channels: own }: PartLoss,
  rates: Float64Array,
  biases?: Biases,
): Float64Array {
  const losses = new Float64Array(rates.length);
  let taken = 0;
  channels.forEach((recordings, c) => {
    const divisor = divisors[c];
    if (typeof divisor !== 'number') return;
    const { centre } = own[c]!;
    const { windows, squares, means } = errors(recordings, rates, centre, biases !== undefined);
    if (windows === 0) return;
    taken++;
    squares.forEach((square, i) => {
      const mean = means?.[i] ?? 0;
      const level = biases === 'best' ? -mean : (biases?.[c] ?? 0) + centre;
      losses[i]! += (square + level * (2 * mean + level)) / divisor;
    });
  });
  return losses.map((loss) => loss / taken);
}

/** The best bias of each channel for the exponential average `a`; 0 for one that is left out. */
export function emaBiases(
  channels: Split['train'],
  { divisors, channels: own }: PartLoss,
  a: number,
): number[] {
  return channels.map((recordings, c) => {
    if (divisors[c] === null) return 0;
    const { centre } = own[c]!;
    return 0 - (centre + errors(recordings, Float64Array.of(a), centre, true).means![0]!);
  });
}

/** Of one channel: per a the mean square of the errors less `centre` over its windows, and if wanted their mean. */
function errors(
  recordings: readonly ChannelWindows[],
  rates: Float64Array,
  centre: number,
  wanted: boolean,
): { readonly windows: number; readonly squares: Float64Array; readonly means?: Float64Array } {
  const squares = new Float64Array(rates.length);
  const means = wanted ? new Float64Array(rates.length) : undefined;
  const windows = recordings.reduce((total, { used }) => total + used, 0);
  for (const recording of recordings) addErrors(recording, rates, centre, squares, means);
  const mean = (total: number) => (windows === 0 ? 0 : total / windows);
  return { windows, squares: squares.map(mean), ...(means && { means: means.map(mean) }) };
}

/** Adds the sums over a recording's windows; all a in one pass over the samples. */
function addErrors(
  recording: ChannelWindows,
  rates: Float64Array,
  centre: number,
  squares: Float64Array,
  sums: Float64Array | undefined,
): void {
  const states = new Float64Array(rates.length).fill(Number.NaN);
  for (const { x, y, from, runs, fresh } of windowChunks(recording, 0)) {
    // The average begins as the recording's first sample.
    if (Number.isNaN(states[0]!)) {
      const start = x.find((sample) => !Number.isNaN(sample));
      if (start === undefined) continue;
      states.fill(start);
    }
    let n = fresh;
    for (const [first, end] of runs) {
      follow(x.subarray(n, first), rates, states);
      const samples = x.subarray(first, end);
      const targets = centred(y.subarray(first - from, end - from), centre);
      if (sums) addSums(samples, targets, rates, states, sums);
      addSquares(samples, targets, rates, states, squares);
      n = end;
    }
    follow(x.subarray(n), rates, states);
  }
}

/** Takes the averages through samples that are no window's newest; NaN is missing. */
function follow(x: Float64Array, rates: Float64Array, states: Float64Array): void {
  for (let i = 0; i < rates.length; i++) {
    const a = rates[i]!;
    let s = states[i]!;
    for (const sample of x) if (!Number.isNaN(sample)) s += a * (sample - s);
    states[i] = s;
  }
}

/** Adds the errors over a run of windows to `sums`; the states stay as they are. */
function addSums(
  x: Float64Array,
  y: Float64Array,
  rates: Float64Array,
  states: Float64Array,
  sums: Float64Array,
): void {
  for (let i = 0; i < rates.length; i++) {
    const a = rates[i]!;
    let s = states[i]!;
    let sum = 0;
    for (let n = 0; n < x.length; n++) {
      s += a * (x[n]! - s);
      sum += s - y[n]!;
    }
    sums[i]! += sum;
  }
}

/**
 * Takes the averages through a run of windows and adds their squared errors to `squares`. Nearly all the time is spent
 * here: four averages at once, for each waits for itself; no closure, or they would not stay in registers.
 */
function addSquares(
  x: Float64Array,
  y: Float64Array,
  rates: Float64Array,
  states: Float64Array,
  squares: Float64Array,
): void {
  for (let i = 0; i < rates.length; i += 4) {
    // Beyond the last average NaN, and what is written there is lost.
    const [a0, a1, a2, a3] = [rates[i]!, rates[i + 1]!, rates[i + 2]!, rates[i + 3]!];
    let [s0, s1, s2, s3] = [states[i]!, states[i + 1]!, states[i + 2]!, states[i + 3]!];
    let [q0, q1, q2, q3] = [0, 0, 0, 0];
    for (let n = 0; n < x.length; n++) {
      const sample = x[n]!;
      const target = y[n]!;
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
    }
    [states[i], states[i + 1], states[i + 2], states[i + 3]] = [s0, s1, s2, s3];
    squares[i]! += q0;
    squares[i + 1]! += q1;
    squares[i + 2]! += q2;
    squares[i + 3]! += q3;
  }
}
