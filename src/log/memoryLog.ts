import { sliceFrame } from '../dsp/frame.ts';
import { checkedBatch, type Follows } from './checkedBatch.ts';
import { logError } from './logError.ts';
import type {
  FilterRecord,
  LogRecord,
  SampleLog,
  SamplesRecord,
  StreamHead,
  StreamRecord,
  TrimRule,
  UnfilteredRecord,
} from './sampleLog.ts';

/**
 * Called at both edges of every commit, so that tests can delay it, fail it, or end the process: `before` nothing of
 * the batch is held yet, `after` all of it is but the caller does not know. A throw (or rejection) fails the commit.
 */
export type CommitHook = (edge: 'before' | 'after', batch: readonly LogRecord[]) => void | Promise<void>;

/** One stream's present epoch. */
interface HeldStream extends Follows {
  oldestSeq: number;
  readonly begin: StreamRecord;
  readonly samples: SamplesRecord[];
  readonly filters: (FilterRecord | UnfilteredRecord)[];
}

/** The log that survives nothing: for tests and throw-away runs. Commits resolve in a later turn of the event loop. */
export function memoryLog(options: { hook?: CommitHook } = {}): SampleLog {
  const held = new Map<string, HeldStream>();
  // Every record of samples in order of commit, so that trimming finds the oldest of all streams first.
  let oldestFirst: { stream: HeldStream; record: SamplesRecord }[] = [];
  let bytes = 0;
  let position = 0;
  let committing = false;
  let closed = false;

  function append(record: LogRecord): void {
    position++;
    if (record.type === 'stream') {
      const former = held.get(record.stream);
      if (former) oldestFirst = oldestFirst.filter(({ stream }) => stream !== former);
      for (const { planes } of former?.samples ?? []) bytes -= planes.byteLength;
      held.set(record.stream, {
        begin: record,
        nextSeq: 0,
        oldestSeq: 0,
        channels: record.channels.length,
        samples: [],
        filters: [],
      });
      return;
    }
    const stream = held.get(record.stream)!;
    if (record.type === 'samples') {
      stream.samples.push(record);
      stream.nextSeq = record.seq + record.rows;
      bytes += record.planes.byteLength;
      oldestFirst.push({ stream, record });
    } else {
      stream.filters.push(record);
    }
  }

  function mustBeOpen(): void {
    if (closed) throw logError('logClosed', 'the log is closed');
  }

  return {
    durability: 'memory',

    async commit(batch) {
      mustBeOpen();
      if (committing)
        throw logError('logBusy', 'commit: another commit is under way; gather records meanwhile');
      checkedBatch(batch, (stream) => held.get(stream));
      committing = true;
      const records = [...batch];
      try {
        await options.hook?.('before', batch);
        await new Promise<void>((resolve) => setImmediate(resolve));
        for (const record of records) append(record);
        await options.hook?.('after', batch);
        return position;
      } finally {
        committing = false;
      }
    },

    async *read(name, fromSeq, toSeq) {
      mustBeOpen();
      const stream = held.get(name);
      if (!stream || fromSeq >= toSeq) return;
      // Copies of the two lists: what is committed while the reader is at work belongs to its next read.
      const { samples, filters } = {
        samples: [...overlapping(stream.samples, fromSeq, toSeq)],
        filters: [...stream.filters],
      };
      let next = Math.max(
        0,
        filters.findLastIndex((filter) => filter.seq <= fromSeq),
      );
      for (const record of samples) {
        while (next < filters.length && filters[next]!.seq <= Math.max(record.seq, fromSeq))
          yield filters[next++]!;
        // A filter that begins inside a record would be skipped here; commit refuses such a batch.
        yield cut(record, fromSeq, toSeq);
      }
      while (next < filters.length && filters[next]!.seq < toSeq) yield filters[next++]!;
    },

    head(name): StreamHead | undefined {
      const stream = held.get(name);
      if (!stream) return undefined;
      const { begin, nextSeq, oldestSeq, samples, filters } = stream;
      const newest = samples.at(-1);
      return {
        epoch: begin.epoch,
        channels: begin.channels,
        rate: begin.rate,
        nextSeq,
        oldestSeq,
        newestTime: newest && newest.time + (newest.rows - 1) * newest.period,
        filter: filters.at(-1),
      };
    },

    streams: () => [...held.keys()],

    async trim({ maxBytes, keepSamples }: TrimRule) {
      mustBeOpen();
      if (bytes <= maxBytes) return;
      // Down to nine tenths, so that a full log is walked once every so many commits and not at each of them.
      const goal = 0.9 * maxBytes;
      const needed: typeof oldestFirst = [];
      const touched = new Set<HeldStream>();
      const goes = new Set<SamplesRecord>();
      for (const entry of oldestFirst) {
        const { stream, record } = entry;
        if (bytes > goal && record.seq + record.rows <= stream.nextSeq - keepSamples) {
          bytes -= record.planes.byteLength;
          goes.add(record);
          touched.add(stream);
        } else {
          needed.push(entry);
        }
      }
      oldestFirst = needed;
      for (const stream of touched) dropOldest(stream, goes);
    },

    async close() {
      closed = true;
    },
  };
}

/** Takes trimmed records off a stream, and the filters that none of its samples needs any more. */
function dropOldest(stream: HeldStream, goes: ReadonlySet<SamplesRecord>): void {
  const firstKept = stream.samples.findIndex((record) => !goes.has(record));
  const gone = stream.samples.splice(0, firstKept < 0 ? stream.samples.length : firstKept);
  const last = gone.at(-1)!;
  stream.oldestSeq = last.seq + last.rows;
  const inForce = stream.filters.findLastIndex((filter) => filter.seq <= stream.oldestSeq);
  stream.filters.splice(0, Math.max(0, inForce));
}

/** The records that hold a seq of `[fromSeq, toSeq)`, found by bisection; records do not overlap and are in order. */
function overlapping(
  samples: readonly SamplesRecord[],
  fromSeq: number,
  toSeq: number,
): readonly SamplesRecord[] {
  let low = 0;
  let high = samples.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const record = samples[middle]!;
    if (record.seq + record.rows <= fromSeq) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (end < samples.length && samples[end]!.seq < toSeq) end++;
  return samples.slice(low, end);
}

function cut(record: SamplesRecord, fromSeq: number, toSeq: number): SamplesRecord {
  const from = Math.max(0, fromSeq - record.seq);
  const to = Math.min(record.rows, toSeq - record.seq);
  if (from === 0 && to === record.rows) return record;
  return { ...record, ...sliceFrame(record, from, to), time: record.time + from * record.period };
}
