/** The complete windows of one channel in one part of one recording: K samples and a target, all present. */
export interface ChannelWindows {
  /** The recording's samples by seq up to the part's end, for older samples may lie before the part. */
  readonly x: Float64Array;
  /** The part's targets: `y[n - from]` belongs to the window whose newest sample is `x[n]`. */
  readonly y: Float64Array;
  readonly from: number;
  /** The newest samples of the windows, as runs `[first, end)` of consecutive seqs. */
  readonly runs: readonly (readonly [first: number, end: number])[];
  /** How many windows there are. */
  readonly used: number;
  /** How many more there would be if no sample were missing. */
  readonly leftOut: number;
}

/**
 * @param y targets of the part's samples, NaN where there is none
 * @param from where the part begins in `x`
 * @param taps K ≥ 1
 * @param margins samples at the part's ends that can have no target
 */
export function channelWindows(
  x: Float64Array,
  y: Float64Array,
  from: number,
  taps: number,
  margins: { readonly before: number; readonly after: number },
): ChannelWindows {
  const runs: [number, number][] = [];
  let used = 0;
  let present = 0;
  for (let n = Math.max(0, from - taps + 1); n < from + y.length; n++) {
    present = Number.isNaN(x[n]!) ? 0 : present + 1;
    if (n < from || present < taps || Number.isNaN(y[n - from]!)) continue;
    used++;
    const run = runs.at(-1);
    if (run?.[1] === n) run[1] = n + 1;
    else runs.push([n, n + 1]);
  }
  const possible = from + y.length - margins.after - Math.max(from + margins.before, taps - 1);
  return { x, y, from, runs, used, leftOut: Math.max(0, possible) - used };
}
