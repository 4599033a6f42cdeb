import { checkedBatch, type Follows } from './checkedBatch.ts';
import { cutSamples } from './cutSamples.ts';
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
  readonly begin: StreamRecord;
  oldestSeq: number;
  /** Oldest first; those before `first` have been trimmed and go with the next clearing. */
  readonly samples: SamplesRecord[];
  first: number;
  readonly filters: (FilterRecord | UnfilteredRecord)[];
}

/** What a record costs beside its samples (bytes of heap, measured on Node 20): most of what a one-row frame costs. */
const recordBytes = 350;

/** The log that survives nothing: for tests and throw-away runs. Commits resolve in a later turn of the event loop. */
export function memoryLog(options: { hook?: CommitHook } = {}): SampleLog {
  const held = new Map<string, HeldStream>();
  // The stream of each record of samples in order of commit, so that trimming begins with the oldest of all streams.
  let order: HeldStream[] = [];
  let bytes = 0;
  let position = 0;
  let committing = false;
  let closed = false;
  // Trimming is tried from here on: above the limit by as much as could not go the last time.
  let worthTrimming = 0;

  function append(record: LogRecord): void {
    position++;
    if (record.type === 'stream' || record.type === 'deleted') {
      const former = held.get(record.stream);
      if (former) while (dropOldest(former));
      held.delete(record.stream);
    }
    if (record.type === 'deleted') return;
    if (record.type === 'stream') {
      held.set(record.stream, {
        begin: record,
        nextSeq: 0,
        oldestSeq: 0,
        channels: record.channels.length,
        samples: [],
        first: 0,
        filters: [],
      });
      return;
    }
    const stream = held.get(record.stream)!;
    if (record.type === 'samples') {
      stream.samples.push(record);
      stream.nextSeq = record.seq + record.rows;
      bytes += cost(record);
      order.push(stream);
    } else {
      stream.filters.push(record);
    }
  }

  /** @returns whether there was a record to drop */
  function dropOldest(stream: HeldStream): boolean {
    const record = stream.samples[stream.first];
    if (!record) return false;
    bytes -= cost(record);
    stream.first++;
    stream.oldestSeq = record.seq + record.rows;
    if (stream.first * 2 > stream.samples.length) {
      stream.samples.splice(0, stream.first);
      stream.first = 0;
    }
    const inForce = stream.filters.findLastIndex((filter) => filter.seq <= stream.oldestSeq);
    if (inForce > 0) stream.filters.splice(0, inForce);
    return true;
  }

  function mustBeOpen(): void {
    if (closed) throw logError('logClosed', 'the log is closed');
  }

  return {
    durability: 'memory',
    get bytes() {
      return bytes;
    },

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
      // What is committed while the reader is at work belongs to its next read.
      const end = Math.min(toSeq, stream.nextSeq);
      const filters = stream.filters.filter((filter) => filter.seq < toSeq);
      let next = Math.max(
        0,
        filters.findLastIndex((filter) => filter.seq <= fromSeq),
      );
      for (let at = fromSeq; at < end; ) {
        const record = stream.samples[holding(stream, at)];
        if (!record || record.seq >= end) break;
        while (next < filters.length && filters[next]!.seq <= Math.max(record.seq, fromSeq))
          yield filters[next++]!;
        at = record.seq + record.rows;
        yield cutSamples(record, fromSeq, toSeq);
      }
      while (next < filters.length) yield filters[next++]!;
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
        proven: true,
      };
    },

    streams: () => [...held.keys()],

    async trim({ maxBytes, keepSamples }: TrimRule) {
      mustBeOpen();
      if (bytes <= Math.max(maxBytes, worthTrimming)) return;
      // Down to nine tenths, so that a full log is walked once every so many commits and not at each of them.
      const goal = 0.9 * maxBytes;
      const kept: HeldStream[] = [];
      let at = 0;
      for (; at < order.length && bytes > goal; at++) {
        const stream = order[at]!;
        const record = stream.samples[stream.first];
        if (!record) continue;
        if (record.seq + record.rows <= stream.nextSeq - keepSamples) dropOldest(stream);
        else kept.push(stream);
      }
      order = kept.concat(order.slice(at));
      worthTrimming = bytes > goal ? bytes + 0.1 * maxBytes : 0;
    },

    async close() {
      closed = true;
    },
  };
}

function cost({ planes }: SamplesRecord): number {
  return planes.byteLength + recordBytes;
}

/** The index of the first record that ends after `seq`, by bisection; records do not overlap and are in order. */
function holding({ samples, first }: HeldStream, seq: number): number {
  let low = first;
  let high = samples.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const record = samples[middle]!;
    if (record.seq + record.rows <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
