import { InferenceSession } from 'onnxruntime-node';
import { vi } from 'vitest';
import type { FilterJob, TrendFilter } from '../../src/filter/trendFilter.ts';
import { coverageOf, integer, oneShot, rowsOf } from './support.ts';

/** What the suites have reached, so that none of them can pass by never getting there. */
export interface Reached {
  /** Outputs compared bit for bit. */
  outputs: number;
  /** Of them those whose window has a sample missing. */
  masked: number;
  /** Calls of the runtime that asked for one output of a window, and for a batch of one. */
  oneOutputCalls: number;
  batchesOfOne: number;
  frames: number;
  longestFrame: number;
  gaps: number;
  /** Calls that held several frames of one stream, and of several streams. */
  sameWindowTwice: number;
  inCompany: number;
  /** Windows rebuilt from the samples, as after a restart; streams begun anew. */
  replays: number;
  resets: number;
}

export const nothingReached = (): Reached => ({
  outputs: 0,
  masked: 0,
  oneOutputCalls: 0,
  batchesOfOne: 0,
  frames: 0,
  longestFrame: 0,
  gaps: 0,
  sameWindowTwice: 0,
  inCompany: 0,
  replays: 0,
  resets: 0,
});

/** Counts what the runtime itself is asked for by filters of `taps()` taps, whatever the engine above it does. */
export function watchRuntime(reached: Reached, taps: () => number): { stop(): void } {
  const { prototype } = InferenceSession as unknown as { readonly prototype: InferenceSession };
  const run = prototype.run;
  const spy = vi.spyOn(prototype, 'run').mockImplementation(function (
    this: InferenceSession,
    ...args: Parameters<InferenceSession['run']>
  ) {
    for (const input of Object.values(args[0])) {
      if (!('dims' in input)) continue;
      if (input.dims.at(-1) === taps()) reached.oneOutputCalls++;
      if (input.dims[0] === 1) reached.batchesOfOne++;
    }
    return run.apply(this, args);
  });
  return { stop: () => spy.mockRestore() };
}

interface SentFrame {
  readonly from: number;
  readonly rows: number;
  /** Rows before it that were never sent. */
  readonly gap: number;
  /** Whether the stream begins anew with it. */
  readonly reset: boolean;
}

/** A stream as its producer sent it: frames in order, and where each lies among all rows. */
export interface Sent {
  readonly channels: number;
  readonly total: number;
  /** `[channel][row]`, NaN in the gaps. */
  readonly planes: Float32Array;
  readonly frames: readonly SentFrame[];
}

/** How a stream is cut: every frame of one row, short frames, or any length from 1 to 10,000. */
export type CutStyle = 'ones' | 'short' | 'any';
export const longestFrame = 10_000;

export interface Cut {
  readonly style: CutStyle;
  /** Whether rows are lost between frames, and whether the stream sometimes begins anew. */
  readonly gaps: boolean;
  readonly resets: boolean;
}

function frameRows(random: () => number, style: CutStyle): number {
  if (style === 'ones') return 1;
  if (style === 'short') return random() < 0.3 ? 1 : integer(random, 1, 50);
  // As many of each order of magnitude, and now and then the longest.
  return random() < 0.1 ? longestFrame : Math.round(longestFrame ** random());
}

/** Cuts planes into frames at random. What is lost in gaps is set to NaN in `planes`. */
export function cutIntoFrames(
  random: () => number,
  planes: Float32Array,
  channels: number,
  { style, gaps, resets }: Cut,
): Sent {
  const total = planes.length / channels;
  const frames: SentFrame[] = [];
  for (let from = 0; from < total; ) {
    const lost = gaps && from > 0 && random() < 0.05 ? integer(random, 1, random() < 0.2 ? 600 : 9) : 0;
    const gap = Math.min(lost, total - from - 1);
    for (let c = 0; c < channels; c++) planes.fill(Number.NaN, c * total + from, c * total + from + gap);
    from += gap;
    const rows = Math.min(frameRows(random, style), total - from);
    frames.push({ from, rows, gap, reset: resets && from > 0 && random() < 0.01 });
    from += rows;
  }
  return { channels, total, planes, frames };
}

/** `[channel][row]`: NaN where nothing was received. */
export interface Trends {
  readonly trend: Float32Array;
  readonly coverage: Float32Array;
}

const empty = ({ planes }: Sent): Trends => ({
  trend: new Float32Array(planes.length).fill(Number.NaN),
  coverage: new Float32Array(planes.length).fill(Number.NaN),
});

function put(into: Trends, { channels, total }: Sent, from: number, rows: number, block: Trends): void {
  for (const plane of ['trend', 'coverage'] as const) {
    for (let c = 0; c < channels; c++) {
      into[plane].set(block[plane].subarray(c * rows, (c + 1) * rows), c * total + from);
    }
  }
}

/** A window as it is behind row `end`, made from nothing but the samples, in pieces. */
function rebuilt(
  random: () => number,
  filter: TrendFilter,
  { channels, total, planes }: Sent,
  begin: number,
  end: number,
): FilterJob['window'] {
  const window = filter.createWindow(channels);
  for (let at = Math.max(begin, end - (filter.taps - 1)); at < end; ) {
    const rows = integer(random, 1, end - at);
    window.push(rowsOf(planes, total, at, rows), rows);
    at += rows;
  }
  return window;
}

/** Filters the frames of all streams in a random order of arrival, in random company, with calls that overlap. */
async function streamed(
  random: () => number,
  filter: TrendFilter,
  sent: readonly Sent[],
  reached: Reached,
): Promise<Trends[]> {
  const windows = sent.map(({ channels }) => filter.createWindow(channels));
  const begun = sent.map(() => 0);
  const trends = sent.map(empty);
  const next = sent.map(() => 0);
  let underWay: Promise<void>[] = [];
  for (;;) {
    const jobs: FilterJob[] = [];
    const of: { stream: number; frame: SentFrame }[] = [];
    for (let size = random() < 0.3 ? 1 : integer(random, 1, 6); size > 0; size--) {
      const open = sent.flatMap(({ frames }, s) => (next[s]! < frames.length ? [s] : []));
      if (open.length === 0) break;
      const s = open[integer(random, 0, open.length - 1)]!;
      const one = sent[s]!;
      const frame = one.frames[next[s]!++]!;
      if (frame.reset) {
        windows[s] = filter.createWindow(one.channels);
        begun[s] = frame.from;
        reached.resets++;
      } else if (random() < 0.01) {
        windows[s] = rebuilt(random, filter, one, begun[s]!, frame.from - frame.gap);
        reached.replays++;
      }
      if (of.some((other) => other.stream === s)) reached.sameWindowTwice++;
      if (of.some((other) => other.stream !== s)) reached.inCompany++;
      if (frame.gap > 0) reached.gaps++;
      reached.frames++;
      reached.longestFrame = Math.max(reached.longestFrame, frame.rows);
      of.push({ stream: s, frame });
      const planes = rowsOf(one.planes, one.total, frame.from, frame.rows);
      jobs.push({ window: windows[s]!, gap: frame.reset ? 0 : frame.gap, planes, rows: frame.rows });
    }
    if (jobs.length === 0) break;
    const call = filter.run(jobs).then((blocks) => {
      for (const [i, block] of blocks.entries()) {
        const { stream, frame } = of[i]!;
        const { from, rows } = frame;
        put(trends[stream]!, sent[stream]!, from, rows, { ...block, coverage: coverageOf(block) });
      }
    });
    underWay.push(call);
    if (random() < 0.5) {
      await Promise.all(underWay);
      underWay = [];
    }
  }
  await Promise.all(underWay);
  return trends;
}

/** The same stream in one piece, from each beginning to the next: what streaming has to equal, bit for bit. */
async function inOnePiece(filter: TrendFilter, sent: Sent): Promise<Trends> {
  const { channels, total, planes, frames } = sent;
  const trends = empty(sent);
  const begins = [0, ...frames.filter(({ reset }) => reset).map(({ from }) => from)];
  for (const [i, begin] of begins.entries()) {
    const rows = (begins[i + 1] ?? total) - begin;
    const block = await oneShot(filter, rowsOf(planes, total, begin, rows), channels);
    put(trends, sent, begin, rows, { ...block, coverage: coverageOf(block) });
  }
  return trends;
}

/**
 * Streams through `streaming` and holds the trends against the same in one piece, bit for bit.
 *
 * @param streaming the filter itself, unless the test is one of this test
 * @returns the trends in one piece
 * @throws Error that names the first bit that differs
 */
export async function mustStreamExactly(
  random: () => number,
  filter: TrendFilter,
  sent: readonly Sent[],
  reached: Reached,
  streaming: TrendFilter = filter,
): Promise<Trends[]> {
  const got = await streamed(random, streaming, sent, reached);
  const want = await Promise.all(sent.map((one) => inOnePiece(filter, one)));
  mustBeEqual(sent, got, want);
  for (const { planes } of sent) reached.outputs += planes.length;
  return want;
}

/** Throws at the first bit that differs where a row was received; where none was, nothing may stand. */
function mustBeEqual(sent: readonly Sent[], got: readonly Trends[], want: readonly Trends[]): void {
  for (const [s, { channels, total, frames }] of sent.entries()) {
    const received = new Uint8Array(total);
    for (const { from, rows } of frames) received.fill(1, from, from + rows);
    for (const plane of ['trend', 'coverage'] as const) {
      for (let i = 0; i < channels * total; i++) {
        const expected = received[i % total] === 1 ? want[s]![plane][i]! : Number.NaN;
        if (Object.is(got[s]![plane][i], expected)) continue;
        const where = `${plane} of stream ${s}, channel ${Math.floor(i / total)}, row ${i % total}`;
        throw new Error(`${where}: expected ${expected}, got ${got[s]![plane][i]}`);
      }
    }
  }
}
