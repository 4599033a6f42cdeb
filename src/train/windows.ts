import { chunkLength, type Samples } from './samples.ts';

/** The complete windows of one channel in one part of one recording: K samples and a target, all present. */
export interface ChannelWindows {
  /** The recording's samples by seq up to the part's end, for older samples may lie before the part. */
  readonly x: Samples;
  /** The part's targets: number `n - from` belongs to the window whose newest sample is number n of `x`. */
  readonly y: Samples;
  readonly from: number;
  /** K. */
  readonly taps: number;
  /** The newest samples of the windows, as runs `[first, end)` of consecutive seqs. */
  readonly runs: readonly WindowRun[];
  /** How many windows there are. */
  readonly used: number;
  /** How many more there would be if no sample were missing. */
  readonly leftOut: number;
}

type WindowRun = readonly [first: number, end: number];

/** A piece of the windows in memory; its other indices count from its first sample. */
export interface WindowChunk {
  /** The seq of `x[0]`. */
  readonly base: number;
  readonly x: Float64Array;
  /** `y[n - from]` belongs to the window whose newest sample is `x[n]`. */
  readonly y: Float64Array;
  readonly from: number;
  readonly runs: readonly WindowRun[];
  /** Where the samples begin that no chunk before held. */
  readonly fresh: number;
}

/**
 * @param y targets of the part's samples, NaN where there is none
 * @param from where the part begins in `x`
 * @param taps K ≥ 1
 * @param margins samples at the part's ends that can have no target
 */
export function channelWindows(
  x: Samples,
  y: Samples,
  from: number,
  taps: number,
  margins: { readonly before: number; readonly after: number },
): ChannelWindows {
  const runs: [number, number][] = [];
  const end = from + y.length;
  let used = 0;
  let present = 0;
  for (let start = Math.max(0, from - taps + 1); start < end; start += chunkLength) {
    const stop = Math.min(start + chunkLength, end);
    const samples = x.read(start, stop);
    const [first, targets] = targetsWithin(y, from, start, stop);
    for (let n = start; n < stop; n++) {
      present = Number.isNaN(samples[n - start]!) ? 0 : present + 1;
      if (n < from || present < taps || Number.isNaN(targets[n - first]!)) continue;
      used++;
      const run = runs.at(-1);
      if (run?.[1] === n) run[1] = n + 1;
      else runs.push([n, n + 1]);
    }
  }
  const possible = end - margins.after - Math.max(from + margins.before, taps - 1);
  return { x, y, from, taps, runs, used, leftOut: Math.max(0, possible) - used };
}

/**
 * The windows piece by piece, in order, so that a recording larger than memory is read once. A run that goes on in the
 * next chunk is cut in two.
 *
 * @param start the first sample that is fresh: 0, or `from` where nothing before the part matters but its windows
 * @param length of the fresh samples of a chunk; Infinity gives all in one
 */
export function* windowChunks(
  { x, y, from, taps, runs }: ChannelWindows,
  start: number,
  length: number = chunkLength,
): Generator<WindowChunk> {
  const end = from + y.length;
  let run = 0;
  for (let at = start; at < end; at += length) {
    const stop = Math.min(at + length, end);
    const base = Math.max(0, at - taps + 1);
    const inside: WindowRun[] = [];
    for (; run < runs.length && runs[run]![0] < stop; run++) {
      const [first, last] = runs[run]!;
      inside.push([Math.max(first, at) - base, Math.min(last, stop) - base]);
      if (last > stop) break;
    }
    const [first, targets] = targetsWithin(y, from, at, stop);
    yield { base, x: x.read(base, stop), y: targets, from: first - base, runs: inside, fresh: at - base };
  }
}

/** The targets of the samples `[at, stop)`, as far as they are of the part, and the seq of the first of them. */
function targetsWithin(
  y: Samples,
  from: number,
  at: number,
  stop: number,
): [first: number, targets: Float64Array] {
  const first = Math.min(Math.max(at, from), stop);
  return [first, first < from ? new Float64Array() : y.read(first - from, stop - from)];
}
