import { FirtrendError } from '../dsp/error.ts';
import { chunkLength, memorySamples, part, type Samples, wholeOf } from './samples.ts';
import { createScratch, type Scratch } from './scratch.ts';
import { smoothChunks } from './smoother.ts';

/** What the kernel is to say at each sample. */
export type Target =
  /** The sample `steps` ≥ 1 ahead. */
  | { readonly kind: 'forecast'; readonly steps: number }
  /** What the two-sided smoother with gain ½ at `period` > 2 samples says with hindsight. */
  | { readonly kind: 'smooth'; readonly period: number }
  /** The sample of another column: of one for all channels (`channel: null`), or of its own for each that is named. */
  | {
      readonly kind: 'column';
      readonly pairs: readonly { readonly channel: string | null; readonly column: string }[];
    };

/**
 * `forecast:H` or `smooth:P`, in samples, or in seconds with `s` (`forecast:0.5s`, rounded to whole samples);
 * `column:NAME` or `column:A=REF_A,B=REF_B`.
 *
 * @param rate samples per second
 * @throws FirtrendError `target`
 */
export function parseTarget(text: string, rate: number): Target {
  if (text.startsWith('column:')) return columnTarget(text);
  const [, kind, number, seconds] = /^(forecast|smooth):([^:]*?)(s?)$/.exec(text) ?? [];
  const value = Number(number || Number.NaN) * (seconds === 's' ? rate : 1);
  if (!Number.isFinite(value)) {
    throw new FirtrendError(
      'target',
      'target: expected forecast:H or smooth:PERIOD in samples, or in seconds with s (forecast:0.5s), or column:NAME, ' +
        `got ${text}`,
    );
  }
  const inSamples = seconds === 's' ? `${text}, which is ${value} samples at ${rate} Hz` : text;
  if (kind === 'forecast') {
    const steps = seconds === 's' ? Math.round(value) : value;
    if (Number.isInteger(steps) && steps >= 1) return { kind, steps };
    throw new FirtrendError(
      'target',
      `target: expected forecast:H with a whole number H ≥ 1 of samples ahead, got ${inSamples}`,
    );
  }
  if (value > 2) return { kind: 'smooth', period: value };
  throw new FirtrendError(
    'target',
    `target: expected smooth:PERIOD with a period above 2 samples, got ${inSamples}`,
  );
}

function columnTarget(text: string): Target {
  const parts = text.slice('column:'.length).split(',');
  const pairs = parts.map((part) => {
    const [first, second] = part.split('=').map((name) => name.trim());
    return second === undefined ? { channel: null, column: first! } : { channel: first!, column: second };
  });
  const channels = pairs.map(({ channel }) => channel);
  const wellFormed =
    parts.every((part) => part.split('=').length <= 2) &&
    pairs.every(({ channel, column }) => channel !== '' && column !== '') &&
    (pairs.length === 1 || !channels.includes(null)) &&
    new Set(channels).size === pairs.length;
  if (wellFormed) return { kind: 'column', pairs };
  throw new FirtrendError(
    'target',
    `target: expected column:NAME, or column:A=REF_A,B=REF_B with different channels A, B, got ${text}`,
  );
}

/** How many samples at the beginning and at the end of a part can have no target. */
export function targetMargins(target: Target): { readonly before: number; readonly after: number } {
  if (target.kind === 'forecast') return { before: 0, after: target.steps };
  if (target.kind === 'column') return { before: 0, after: 0 };
  const edge = smootherEdge(target.period);
  return { before: edge, after: edge };
}

/** Within this many samples of an end of a stretch the smoother is one-sided, and its word is not taken. */
function smootherEdge(period: number): number {
  return Math.ceil(1.5 * period);
}

/**
 * The target at each sample of a part of one channel, from this part alone; NaN where there is none.
 *
 * @param x the part's samples; NaN is missing
 * @param reference the part's samples of the column that is the target, where one is
 * @param scratch holds what a smoother says
 */
export function targetSamples(
  target: Target,
  x: Samples,
  reference: Samples | undefined,
  scratch: Scratch,
): Samples {
  if (target.kind === 'column') {
    if (reference !== undefined) return reference;
    throw new FirtrendError('target', 'target: expected the samples of its column, got none');
  }
  if (target.kind === 'forecast') return part(x, target.steps, x.length + target.steps);
  const y = scratch.column();
  const missingUpTo = (end: number) => {
    while (y.length < end) y.push(Number.NaN);
  };
  const edge = smootherEdge(target.period);
  for (const [from, to] of stretches(x, target.period / 2)) {
    if (to - from < 3 * target.period) continue;
    missingUpTo(from + edge);
    for (const trend of smoothChunks(part(x, from, to), target.period, edge, to - from - edge)) {
      for (const value of trend) y.push(value);
    }
  }
  missingUpTo(x.length);
  return y;
}

/** {@link targetSamples} of samples in memory. */
export function targetValues(target: Target, x: Float64Array, reference?: Float64Array): Float64Array {
  return wholeOf(
    targetSamples(target, memorySamples(x), reference && memorySamples(reference), createScratch(Infinity)),
  );
}

/** The longest stretch of `x` that a smoother of this period would take as one (samples). */
export function longestStretch(x: Samples, period: number): number {
  let longest = 0;
  for (const [from, to] of stretches(x, period / 2)) longest = Math.max(longest, to - from);
  return longest;
}

/** The pieces `[from, to)` of `x` between holes of `hole` samples or more; each begins and ends with a sample. */
function* stretches(x: Samples, hole: number): Generator<[from: number, to: number]> {
  let from = -1;
  let last = -1;
  for (let base = 0; base < x.length; base += chunkLength) {
    const chunk = x.read(base, Math.min(base + chunkLength, x.length));
    for (let i = 0; i < chunk.length; i++) {
      if (Number.isNaN(chunk[i]!)) continue;
      const n = base + i;
      if (from >= 0 && n - last - 1 >= hole) {
        yield [from, last + 1];
        from = n;
      }
      if (from < 0) from = n;
      last = n;
    }
  }
  if (from >= 0) yield [from, last + 1];
}
