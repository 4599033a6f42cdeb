import { type FrameValues, planeValues } from '../../dsp/frame.ts';
import type { LogRecord, SamplesRecord } from '../../log/sampleLog.ts';
import type { Decision, TakenFrame } from './step.ts';

/** Neighbouring frames of one stream as one. */
export interface JoinedSamples extends SamplesRecord {
  /** Of each row (ms since 1970), where the frames joined are not `period` apart. */
  readonly times?: Float64Array | undefined;
}

/** Planes of a joined frame have at most so many numbers: 64 KiB. */
const mostNumbers = 16 * 1024;

/** Two roundings of a time of our century in a double (ms): a time that is off by no more is the one expected. */
const rounding = 2 ** -11;

type Part = Omit<TakenFrame, 'values' | 'skipped'>;

/** Frames of one stream without a gap between them, on their way to being one. */
export interface Run<P extends Part> {
  readonly parts: P[];
  rows: number;
  /** Whether every row is a period after the one before. */
  regular: boolean;
}

export function startRun<P extends Part>(part: P): Run<P> {
  return { parts: [part], rows: part.rows, regular: true };
}

/** Appends the part if it follows on from the run and there is room. @returns whether it did */
export function extendRun<P extends Part>(run: Run<P>, part: P, onlyRegular: boolean): boolean {
  const first = run.parts[0]!;
  const { rows } = run;
  if (part.seq !== first.seq + rows || (rows + part.rows) * first.channels > mostNumbers) return false;
  const regular =
    part.period === first.period && Math.abs(part.time - (first.time + rows * first.period)) <= rounding;
  if (onlyRegular && !regular) return false;
  run.parts.push(part);
  run.rows += part.rows;
  run.regular &&= regular;
  return true;
}

interface Placing {
  readonly values: FrameValues;
  readonly skipped: number;
}

function planesOf<P extends Part>(
  { parts, rows }: Run<P>,
  placing: (part: P) => Placing,
): Float32Array<ArrayBuffer> {
  const planes = new Float32Array(rows * parts[0]!.channels);
  let at = 0;
  for (const part of parts) {
    const { values, skipped } = placing(part);
    values.place(planes, rows, at, skipped);
    at += part.rows;
  }
  return planes;
}

/** A frame in the log, as a part of a run. */
export interface LoggedPart extends Part {
  readonly record: SamplesRecord;
}

export function loggedPart(record: SamplesRecord): LoggedPart {
  const { stream, seq, rows, time, period, planes } = record;
  return { type: 'samples', stream, seq, rows, channels: planes.length / rows, time, period, record };
}

/** Logged frames as one. */
export function joined(run: Run<LoggedPart>): JoinedSamples {
  const { parts, rows, regular } = run;
  const { record } = parts[0]!;
  if (parts.length === 1) return record;
  const planes = planesOf(run, ({ record: { planes: own, rows: count } }) => ({
    values: planeValues(own, count),
    skipped: 0,
  }));
  return { ...record, rows, planes, ...(!regular && { times: timesOf(parts, rows) }) };
}

function timesOf(parts: readonly Part[], rows: number): Float64Array {
  const times = new Float64Array(rows);
  let row = 0;
  for (const { time, period, rows: count } of parts) {
    for (let i = 0; i < count; i++) times[row++] = time + i * period;
  }
  return times;
}

/**
 * The records of a batch's decisions: samples are given their place, and frames that follow on from each other in seq
 * and time are logged as one. Streams keep their own order.
 */
export function gathered(decisions: readonly Decision[]): LogRecord[] {
  const records: (LogRecord | Run<TakenFrame>)[] = [];
  const runs = new Map<string, Run<TakenFrame>>();
  for (const decision of decisions) {
    const { stream } = decision;
    if (decision.type !== 'samples') {
      runs.delete(stream);
      records.push(decision);
      continue;
    }
    const running = runs.get(stream);
    if (running && extendRun(running, decision, true)) continue;
    const run = startRun(decision);
    runs.set(stream, run);
    records.push(run);
  }
  return records.map((record) => ('parts' in record ? logged(record) : record));
}

function logged(run: Run<TakenFrame>): SamplesRecord {
  const { stream, seq, time, period } = run.parts[0]!;
  const { rows } = run;
  return { type: 'samples', stream, seq, rows, planes: planesOf(run, (part) => part), time, period };
}
