import type { TrendFrame } from '../client/client.ts';

/** Rows of one stream as they are drawn. Memory is fixed: what is oldest makes room. */
export interface Rows {
  readonly channels: number;
  /** Indices `[from, to)` of the arrays below hold rows, oldest first. */
  readonly from: number;
  readonly to: number;
  readonly seq: Float64Array;
  /** Seconds since 1970, growing. */
  readonly time: Float64Array;
  /** By channel; NaN is missing. */
  readonly raw: readonly Float32Array[];
  readonly trend: readonly Float32Array[];
  /** By channel; below 0: not a row, but that there is none. */
  readonly coverage: readonly Float32Array[];
  add(frame: TrendFrame): void;
  /** These samples never came: a row without values, so that lines end here. */
  addGap(fromSeq: number): void;
  clear(): void;
  /** The first index whose time is at least `time`. */
  indexAt(time: number): number;
}

/** @param capacity rows kept */
export function rowsOf(channels: number, capacity: number): Rows {
  // Twice, so that what is kept lies in one piece and is moved once for each `capacity` of new rows.
  const size = 2 * capacity;
  const seq = new Float64Array(size);
  const time = new Float64Array(size);
  const planes = (): Float32Array[] => Array.from({ length: channels }, () => new Float32Array(size));
  const raw = planes();
  const trend = planes();
  const coverage = planes();
  const all = [seq, time, ...raw, ...trend, ...coverage];
  let from = 0;
  let to = 0;

  function room(): void {
    if (to < size) return;
    for (const array of all) array.copyWithin(0, to - capacity + 1, to);
    to = capacity - 1;
    from = 0;
  }

  function row(atSeq: number, atTime: number): number {
    room();
    const at = to++;
    if (to - from > capacity) from = to - capacity;
    seq[at] = atSeq;
    // Clocks are set back now and then; a plot's time only grows.
    time[at] = at > from ? Math.max(atTime, time[at - 1]! + 1e-6) : atTime;
    return at;
  }

  return {
    channels,
    get from() {
      return from;
    },
    get to() {
      return to;
    },
    ...{ seq, time, raw, trend, coverage },
    add(frame) {
      const { rows, stride = 1 } = frame;
      for (let i = 0; i < rows; i++) {
        const ms = frame.times?.[i] ?? frame.time + i * frame.period;
        const at = row(frame.seq + i * stride, ms / 1000);
        for (let c = 0; c < channels; c++) {
          raw[c]![at] = frame.raw?.[c * rows + i] ?? Number.NaN;
          trend[c]![at] = frame.trend?.[c * rows + i] ?? Number.NaN;
          coverage[c]![at] = frame.coverage?.[c * rows + i] ?? 1;
        }
      }
    },
    addGap(fromSeq) {
      if (to === from) return;
      const at = row(fromSeq, time[to - 1]! + 1e-6);
      for (let c = 0; c < channels; c++) {
        raw[c]![at] = Number.NaN;
        trend[c]![at] = Number.NaN;
        coverage[c]![at] = -1;
      }
    },
    clear() {
      from = 0;
      to = 0;
    },
    indexAt(wanted) {
      let [low, high] = [from, to];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (time[middle]! < wanted) low = middle + 1;
        else high = middle;
      }
      return low;
    },
  };
}
