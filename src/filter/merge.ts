import type { FilterJob } from './pack.ts';
import type { SampleWindow } from './sampleWindow.ts';

/** Jobs of one window that follow on from each other, as one. */
export interface MergedJob extends FilterJob {
  readonly parts: readonly MergedPart[];
}

/** Which job it was, and which rows are its. */
export interface MergedPart {
  readonly job: number;
  readonly first: number;
  readonly count: number;
}

/**
 * Joins jobs of the same window with no gap between: what a stream sent in many small frames costs what it would in one
 * long one, for each piece on the grid needs K - 1 samples of history. Trends do not depend on it. Jobs of one window
 * keep their order.
 */
export function mergeJobs(jobs: readonly FilterJob[]): MergedJob[] {
  const [only] = jobs;
  if (only && jobs.length === 1) {
    const { window, gap, planes, rows } = only;
    return [{ window, gap, planes, rows, parts: [{ job: 0, first: 0, count: rows }] }];
  }
  const merged: { head: FilterJob; rows: number; parts: MergedPart[] }[] = [];
  const last = new Map<SampleWindow, (typeof merged)[number]>();
  for (const [job, head] of jobs.entries()) {
    const count = head.rows;
    const open = head.gap === 0 ? last.get(head.window) : undefined;
    if (open) {
      open.parts.push({ job, first: open.rows, count });
      open.rows += count;
    } else {
      const one = { head, rows: count, parts: [{ job, first: 0, count }] };
      last.set(head.window, one);
      merged.push(one);
    }
  }
  return merged.map(({ head, rows, parts }) => {
    const { window, gap } = head;
    const planes = parts.length === 1 ? head.planes : joined(jobs, parts, rows, window.channels);
    return { window, gap, planes, rows, parts };
  });
}

/** The planes of frames one behind the other. */
function joined(
  jobs: readonly FilterJob[],
  parts: readonly MergedPart[],
  rows: number,
  channels: number,
): Float32Array {
  const planes = new Float32Array(channels * rows);
  for (const { job, first, count } of parts) {
    const source = jobs[job]!.planes;
    for (let c = 0; c < channels; c++) {
      const from = c * count;
      const to = c * rows + first;
      for (let i = 0; i < count; i++) planes[to + i] = source[from + i]!;
    }
  }
  return planes;
}

/** Rows `[from, from + count)` of planes that have `rows`. */
export function rowsOf(planes: Float32Array, rows: number, from: number, count: number): Float32Array {
  const channels = planes.length / rows;
  const part = new Float32Array(channels * count);
  for (let c = 0; c < channels; c++) {
    const at = c * rows + from;
    const to = c * count;
    for (let i = 0; i < count; i++) part[to + i] = planes[at + i]!;
  }
  return part;
}
