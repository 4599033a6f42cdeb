import { byteReader, takeF64, takeJson } from './byteReader.ts';
import { type Catalog, type LoggedStream, newStream, type Run, type StreamClock } from './catalog.ts';
import type { Change } from './change.ts';
import { takeContext } from './context.ts';
import { flags, type Header, headerBytes, readHeader, recordTypes } from './record.ts';
import type { FoundRecord } from './scan.ts';
import { takeSettings } from './settings.ts';

/** A record taken out of the buffer that it was read into; of samples only what the catalog needs. */
export interface RawRecord extends Header {
  readonly offset: number;
  readonly size: number;
  /** Empty for samples. */
  readonly payload: Buffer;
  /** Of samples that carry their own. */
  readonly time: number;
  readonly period: number;
}

const none = Buffer.alloc(0);

export function rawRecord({ bytes, view, at, offset, size }: FoundRecord): RawRecord {
  const header = readHeader(view, at);
  const { type, flags: set, tag, length, number, seq, drift } = header;
  const from = at + headerBytes;
  let payload = none;
  let time = Number.NaN;
  let period = Number.NaN;
  if (type !== recordTypes.samples) {
    payload = Buffer.from(bytes.subarray(from, from + length));
  } else if (set & flags.clock) {
    time = view.getFloat64(from, true);
    period = view.getFloat64(from + 8, true);
  }
  // Field by field: a segment may hold half a million, and a spread costs ten times as much.
  return { type, flags: set, tag, length, number, seq, drift, offset, size, payload, time, period };
}

/** Time and period of a frame: its own, else by the stream's clock. */
export function frameTime(
  { flags: set, seq, drift }: Header,
  own: { readonly time: number; readonly period: number },
  clock: StreamClock,
): { readonly time: number; readonly period: number } {
  if (set & flags.clock) return { time: own.time, period: own.period };
  return { time: clock.time + (seq - clock.seq) * clock.period + drift / 4096, period: clock.period };
}

/** Rows of a frame, 0 where its length is none of a frame with so many channels. */
export function frameRows({ flags: set, length }: Header, channels: number): number {
  const rows = (length - (set & flags.clock ? 16 : 0)) / (4 * channels);
  return Number.isInteger(rows) && rows > 0 ? rows : 0;
}

/**
 * What a record read from the disk does to the catalog, which holds all records before it. The stream's pen is put where
 * the record leaves it.
 *
 * @returns `unreadable` for a record that rests on what is lost: the stream's description, or settings
 */
export function decodeChange(
  catalog: Catalog,
  segment: number,
  raw: RawRecord,
): Change | 'repeated' | 'unreadable' {
  const { type, number, seq, offset, payload } = raw;
  switch (type) {
    case recordTypes.segment:
      return { type: 'segment', created: payload.readDoubleLE(0) };
    case recordTypes.settings:
      return { type: 'settings', number, settings: takeSettings(payload), offset };
    case recordTypes.stream:
      return context(catalog, segment, raw);
    case recordTypes.start: {
      const { sync, bootId } = takeJson(byteReader(payload)) as Run;
      return { type: 'start', run: { sync, bootId } };
    }
    case recordTypes.stop:
      return { type: 'stop' };
    case recordTypes.doubt:
      return { type: 'doubt' };
  }
  const stream = catalog.byNumber.get(number);
  // It is told twice.
  if (type === recordTypes.delete) return stream ? { type: 'delete', stream } : 'repeated';
  if (!stream) return 'unreadable';
  if (raw.tag !== (stream.pen.count & 255)) return 'unreadable';
  if (type === recordTypes.damaged) {
    const toSeq = takeF64(byteReader(payload));
    stream.pen.nextSeq = toSeq;
    return { type: 'damaged', stream, toSeq, offset };
  }
  const rows = frameRows(raw, stream.channels);
  if (rows === 0 || seq < stream.pen.nextSeq) return 'unreadable';
  const { time, period } = frameTime(raw, raw, stream.pen.clock);
  stream.pen.nextSeq = seq + rows;
  return { type: 'samples', stream, seq, rows, time: time + (rows - 1) * period, offset };
}

function context(
  catalog: Catalog,
  segment: number,
  { number, seq, flags: set, offset, payload }: RawRecord,
): Change {
  const { begin, ...told } = takeContext(byteReader(payload));
  const stream: LoggedStream = catalog.byNumber.get(number) ?? newStream(number, begin);
  // Settings never go back, unless the stream is written again from an older seq on.
  const restarts = seq < stream.pen.nextSeq;
  Object.assign(stream.pen, { ...told, nextSeq: seq, segment });
  return {
    type: 'stream',
    stream,
    seq,
    count: told.count,
    clock: told.clock,
    filter: told.filter,
    proven: (set & flags.doubt) === 0,
    restarts,
    offset,
  };
}
