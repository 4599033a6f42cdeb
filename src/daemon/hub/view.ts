import type { TrendRows } from '../../wire/serverMessages.ts';
import type { JoinedSamples } from '../ingest/join.ts';
import type { TrendRecord } from '../ingest/trendMaker.ts';

/** What of a stream a subscription wants to see. */
export interface View {
  readonly trend: boolean;
  readonly raw: boolean;
  readonly coverage: boolean;
  /** Indices of the channels, in the order asked for; null for all of them. */
  readonly channels: readonly number[] | null;
  /** Rows with `seq % every = 0`, so that all subscribers and replays see the same ones. */
  readonly every: number;
}

/** Two subscriptions with the same key see the same bytes. */
export function viewKey({ trend, raw, coverage, channels, every }: View): string {
  return `${Number(trend)}${Number(raw)}${Number(coverage)}/${every}/${channels?.join() ?? '*'}`;
}

/** No frame's planes hold more bytes than this, so that one frame never holds a socket for long. */
const frameBytes = 256 * 1024;

/** A logged frame as a view shows it: none, one, or where it is large several frames. Planes are shared if whole. */
export function viewed(record: TrendRecord, view: View): TrendRows[] {
  const { samples, trend, recomputed } = record;
  const all = samples.planes.length / samples.rows;
  const channels = view.channels ?? Array.from({ length: all }, (_, c) => c);
  const first = (view.every - (samples.seq % view.every)) % view.every;
  const rows = Math.ceil((samples.rows - first) / view.every);
  const planesShown = Number(view.trend && trend !== undefined) + Number(view.raw) + Number(view.coverage);
  const most = Math.max(1, Math.floor(frameBytes / (4 * channels.length * Math.max(1, planesShown))));
  const whole = view.channels === null && view.every === 1 && rows <= most;

  function plane(planes: Float32Array, from: number, count: number): Float32Array {
    if (whole) return planes;
    const part = new Float32Array(channels.length * count);
    let to = 0;
    for (const c of channels) {
      let at = c * samples.rows + first + from * view.every;
      for (let i = 0; i < count; i++, at += view.every) part[to++] = planes[at]!;
    }
    return part;
  }

  const frames: TrendRows[] = [];
  for (let from = 0; from < rows; from += most) {
    const count = Math.min(most, rows - from);
    const row = first + from * view.every;
    frames.push({
      seq: samples.seq + row,
      rows: count,
      channels: channels.length,
      time: timeOf(samples, row),
      period: samples.period * view.every,
      ...(samples.times && { times: timesOf(samples.times, row, view.every, count) }),
      ...(view.every > 1 && { stride: view.every }),
      ...(view.trend && trend && { trend: plane(trend.trend, from, count) }),
      ...(view.raw && { raw: plane(samples.planes, from, count) }),
      ...(view.coverage && trend?.coverage && { coverage: plane(trend.coverage, from, count) }),
      ...(view.trend && trend && recomputed && { recomputed }),
    });
  }
  return frames;
}

/** Of a row (ms since 1970). */
function timeOf({ time, period, times }: JoinedSamples, row: number): number {
  return times ? times[row]! : time + row * period;
}

function timesOf(times: Float64Array, from: number, step: number, count: number): Float64Array {
  if (step === 1) return times.subarray(from, from + count);
  return Float64Array.from({ length: count }, (_, i) => times[from + i * step]!);
}

/** The newest row of a frame that a view shows, undefined where it shows none of them. */
export function newestRow(record: TrendRecord, view: View): TrendRows | undefined {
  const { samples, trend, recomputed } = record;
  const newest = samples.seq + samples.rows - 1;
  const row = newest - (newest % view.every) - samples.seq;
  if (row < 0) return undefined;
  const at = (planes: Float32Array): Float32Array =>
    Float32Array.from({ length: planes.length / samples.rows }, (_, c) => planes[c * samples.rows + row]!);
  const one: TrendRecord = {
    type: 'trend',
    samples: {
      ...samples,
      seq: samples.seq + row,
      rows: 1,
      planes: at(samples.planes),
      time: timeOf(samples, row),
      times: undefined,
    },
    trend: trend && { trend: at(trend.trend), coverage: trend.coverage && at(trend.coverage) },
    recomputed,
  };
  return viewed(one, view)[0];
}
