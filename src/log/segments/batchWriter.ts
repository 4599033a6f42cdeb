import type { FilterRecord, LogRecord, SamplesRecord, UnfilteredRecord } from '../sampleLog.ts';
import { byteWriter, putF64, putFloats, putJson, reserve } from './byteWriter.ts';
import {
  type Catalog,
  findSettings,
  type LoggedStream,
  newStream,
  type Run,
  type Segment,
} from './catalog.ts';
import type { Change } from './change.ts';
import { putContext } from './context.ts';
import { flags, headerBytes, type RecordType, recordTypes, sealRecord, writeHeader } from './record.ts';
import { putSettings, type Settings } from './settings.ts';

/** The text at the beginning of every segment, for whoever looks into one. */
const segmentText = 'firtrend';
const driftLimit = 2 ** 23;
/** After so many frames in a row whose time its clock did not give, a stream gets a new clock. */
const patience = { least: 16, most: 1024 } as const;

/** What goes to the disk in one write, and what it will have done. Valid until the next batch is begun. */
interface EncodedBatch {
  readonly bytes: Buffer;
  readonly changes: readonly Change[];
}

/**
 * Encodes batches for the end of a segment. It knows what is written where: within a segment each stream and each kernel
 * is described before it is used. What is new is described twice, so that no single damage takes it away.
 */
export interface BatchWriter {
  begin(segment: Segment): void;
  decision(record: LogRecord): void;
  /** Samples that were damaged in the segment they are carried from. */
  damaged(stream: LoggedStream, seq: number, toSeq: number): void;
  /** All that is held of the stream follows, from `seq` on, with this filter in force. */
  restart(stream: LoggedStream, seq: number, filter: FilterRecord | UnfilteredRecord | undefined): void;
  /** The stream's description, if the segment lacks it. */
  describe(stream: LoggedStream): void;
  /** A kernel, if the segment lacks it. */
  kernel(number: number): void;
  start(run: Run, time: number): void;
  stop(time: number): void;
  doubt(reason: string): void;
  /** @returns nothing where nothing was written */
  end(): EncodedBatch | undefined;
}

export function batchWriter(catalog: Catalog, wallClock: () => number): BatchWriter {
  const out = byteWriter(1 << 20);
  /** Streams as they will be when this batch is committed; null is deleted. */
  const ahead = new Map<string, LoggedStream | null>();
  /** Streams with settings that are not written yet. */
  const unwritten = new Set<LoggedStream>();
  const runs = new WeakMap<LoggedStream, { strays: number; patience: number }>();
  const numbers = new WeakMap<FilterRecord['kernels'], Map<string, number>>();
  const described = new Set<number>();
  let changes: Change[] = [];
  let segment: Segment;
  let last = -1;
  let lastFlags = 0;
  let restarting = false;

  function open(type: RecordType, set: number, tag = 0, number = 0, seq = 0, drift = 0): number {
    close(0);
    last = reserve(out, headerBytes);
    lastFlags = set;
    writeHeader(out.view, last, type, tag, number, seq, drift);
    return segment.size + last;
  }

  function close(more: number): void {
    if (last < 0) return;
    const length = out.at - last - headerBytes;
    const padding = -out.at & 7;
    const at = reserve(out, padding);
    out.bytes.fill(0, at, at + padding);
    sealRecord(out.bytes, out.view, last, length, lastFlags | more, segment.salt);
    last = -1;
  }

  function twice(write: () => void): void {
    write();
    write();
  }

  function find(name: string): LoggedStream {
    const stream = ahead.get(name) ?? catalog.byName.get(name)!;
    return stream;
  }

  function writeSettings(number: number, settings: Settings): void {
    if (segment.settings.has(number) || described.has(number)) return;
    const known = catalog.settings.has(number);
    const write = (): void => {
      const offset = open(recordTypes.settings, known ? flags.carried : 0, 0, number);
      putSettings(out, settings);
      changes.push({ type: 'settings', number, settings, offset });
    };
    if (known) write();
    else twice(write);
    described.add(number);
  }

  function settingsNumber({ seq: _, stream: __, ...settings }: FilterRecord | UnfilteredRecord): number {
    if (settings.type === 'unfiltered') return numbered(settings);
    const { kernels, sha256, model, version, minCoverage, fingerprint } = settings;
    const key = JSON.stringify([sha256, model, version, minCoverage, fingerprint]);
    const known = numbers.get(kernels) ?? new Map<string, number>();
    numbers.set(kernels, known);
    const held = known.get(key);
    if (held !== undefined && (catalog.settings.has(held) || described.has(held))) {
      writeSettings(held, catalog.settings.get(held) ?? settings);
      return held;
    }
    const number = numbered(settings);
    known.set(key, number);
    return number;
  }

  function numbered(settings: Settings): number {
    const number = findSettings(catalog, settings) ?? catalog.nextSettings++;
    writeSettings(number, settings);
    return number;
  }

  /** Writes what holds for the stream from its `nextSeq` on. */
  function writeContext(stream: LoggedStream, fresh: boolean): void {
    const { pen, number } = stream;
    if (pen.filter) {
      const settings = catalog.settings.get(pen.filter.settings);
      if (settings) writeSettings(pen.filter.settings, settings);
    }
    const set = (fresh ? 0 : flags.carried) | (stream.proven ? 0 : flags.doubt);
    const write = (): void => {
      const offset = open(recordTypes.stream, set, pen.count & 255, number, pen.nextSeq);
      putContext(out, stream.begin, pen);
      const { filter, clock, count, nextSeq: seq } = pen;
      const { proven } = stream;
      changes.push({
        type: 'stream',
        stream,
        seq,
        count,
        clock,
        filter,
        proven,
        restarts: restarting,
        offset,
      });
      restarting = false;
    };
    if (fresh) twice(write);
    else write();
    pen.segment = segment.number;
    unwritten.delete(stream);
  }

  function refresh(stream: LoggedStream): void {
    stream.pen.count++;
    writeContext(stream, true);
  }

  function describe(stream: LoggedStream): void {
    if (unwritten.has(stream)) refresh(stream);
    else if (stream.pen.segment !== segment.number) writeContext(stream, false);
  }

  /** @returns the time less what the stream's clock expects, in 1/4096 ms; undefined where that is not exact */
  function drift(stream: LoggedStream, { seq, time, period }: SamplesRecord): number | undefined {
    const { clock } = stream.pen;
    if (period !== clock.period) return undefined;
    const expected = clock.time + (seq - clock.seq) * clock.period;
    const units = (time - expected) * 4096;
    if (!Number.isInteger(units) || Math.abs(units) >= driftLimit) return undefined;
    return expected + units / 4096 === time ? units : undefined;
  }

  /** Whether the stream's clock, which does not give the time of this frame, is to be set anew. */
  function wornOut(stream: LoggedStream): boolean {
    if (Number.isNaN(stream.pen.clock.period)) return true;
    const run = runs.get(stream) ?? { strays: 0, patience: patience.least };
    runs.set(stream, run);
    if (++run.strays < run.patience) return false;
    run.strays = 0;
    // Where new clocks do not help either, they are tried less and less often.
    run.patience = Math.min(patience.most, 2 * run.patience);
    return true;
  }

  function samples(record: SamplesRecord): void {
    const stream = find(record.stream);
    const { pen } = stream;
    const { seq, rows, time, period } = record;
    let units = drift(stream, record);
    if (units === undefined && (unwritten.has(stream) || wornOut(stream))) {
      pen.clock = { seq, time, period };
      unwritten.add(stream);
      units = 0;
    } else if (units !== undefined) {
      runs.delete(stream);
    }
    describe(stream);
    const set = units === undefined ? flags.clock : 0;
    const offset = open(recordTypes.samples, set, pen.count & 255, stream.number, seq, units ?? 0);
    if (units === undefined) {
      putF64(out, time);
      putF64(out, period);
    }
    putFloats(out, record.planes);
    pen.nextSeq = seq + rows;
    changes.push({ type: 'samples', stream, seq, rows, time: time + (rows - 1) * period, offset });
  }

  return {
    begin(into) {
      segment = into;
      out.at = 0;
      changes = [];
      last = -1;
      ahead.clear();
      described.clear();
      if (segment.size > 0) return;
      const created = wallClock();
      open(recordTypes.segment, 0, 0, 0, segment.number);
      putF64(out, created);
      out.bytes.write(segmentText, reserve(out, segmentText.length), 'latin1');
      changes.push({ type: 'segment', created });
    },

    decision(record) {
      switch (record.type) {
        case 'stream': {
          // What is new in a life that ends here never was.
          const former = ahead.get(record.stream) ?? catalog.byName.get(record.stream);
          if (former) unwritten.delete(former);
          const stream = newStream(catalog.nextStream++, record);
          ahead.set(record.stream, stream);
          refresh(stream);
          return;
        }
        case 'samples':
          samples(record);
          return;
        case 'deleted': {
          const stream = find(record.stream);
          unwritten.delete(stream);
          ahead.set(record.stream, null);
          twice(() => {
            open(recordTypes.delete, 0, 0, stream.number);
            changes.push({ type: 'delete', stream });
          });
          return;
        }
        case 'filter':
        case 'unfiltered': {
          const stream = find(record.stream);
          // One that took over without a sample in between is a record all the same.
          if (stream.pen.filter && unwritten.has(stream)) refresh(stream);
          stream.pen.filter = { seq: record.seq, settings: settingsNumber(record) };
          unwritten.add(stream);
        }
      }
    },

    damaged(stream, seq, toSeq) {
      describe(stream);
      const offset = open(recordTypes.damaged, flags.carried, stream.pen.count & 255, stream.number, seq);
      putF64(out, toSeq);
      stream.pen.nextSeq = toSeq;
      changes.push({ type: 'damaged', stream, toSeq, offset });
    },

    restart(stream, seq, filter) {
      stream.pen.nextSeq = seq;
      stream.pen.filter = filter && { seq: filter.seq, settings: settingsNumber(filter) };
      stream.pen.count++;
      restarting = true;
      writeContext(stream, true);
    },

    describe,

    kernel(number) {
      const settings = catalog.settings.get(number);
      if (settings) writeSettings(number, settings);
    },

    start(run, time) {
      twice(() => {
        open(recordTypes.start, 0);
        putJson(out, { ...run, time });
        changes.push({ type: 'start', run });
      });
    },

    stop(time) {
      open(recordTypes.stop, 0);
      putJson(out, { time });
      changes.push({ type: 'stop' });
    },

    doubt(reason) {
      twice(() => {
        open(recordTypes.doubt, 0);
        putJson(out, { reason });
        changes.push({ type: 'doubt' });
      });
    },

    end() {
      for (const stream of unwritten) refresh(stream);
      if (last < 0) return undefined;
      close(flags.end);
      return { bytes: out.bytes.subarray(0, out.at), changes };
    },
  };
}
