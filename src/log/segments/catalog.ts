import type { Follows } from '../checkedBatch.ts';
import type { StreamRecord } from '../sampleLog.ts';
import type { Offsets } from './offsets.ts';
import { type Settings, sameSettings } from './settings.ts';

/** From `seq` on the settings with this number. */
export interface FilterChange {
  readonly seq: number;
  readonly settings: number;
}

/** Where the times of a stream are counted from: the row `seq` is at `time` (ms), the next one `period` later. */
export interface StreamClock {
  readonly seq: number;
  readonly time: number;
  readonly period: number;
}

/** What a stream's records rest on from a place in a segment on. */
export interface Settled {
  /** How often its settings were written: told with each frame, so that a reader knows that it missed none. */
  readonly count: number;
  readonly clock: StreamClock;
  readonly filter: FilterChange | undefined;
}

/** How far a stream is written, which is ahead of what is committed while a commit is under way. */
interface Pen extends Settled {
  nextSeq: number;
  filter: FilterChange | undefined;
  clock: StreamClock;
  count: number;
  /** The segment that has them last. */
  segment: number;
}

/** One stream's present epoch as the log holds it. */
export interface LoggedStream extends Follows {
  readonly number: number;
  readonly begin: StreamRecord;
  oldestSeq: number;
  newestTime: number | undefined;
  proven: boolean;
  /** Oldest first. */
  filters: FilterChange[];
  /**
   * The segments that hold it, oldest first; the seq it had reached before each; and where in its index file the
   * stream's offsets are (-1: in memory). Arrays of numbers, for there may be a million.
   */
  readonly segments: number[];
  readonly bases: number[];
  readonly blocks: number[];
  readonly pen: Pen;
}

/** What one segment holds of a stream, until its index file has it. */
export interface SegmentStream {
  readonly stream: LoggedStream;
  /** The seq that the stream had reached before. */
  base: number;
  /** All that the log holds of the stream is from here on. */
  restarts: boolean;
  /** In force at `base`, then changes. */
  filters: FilterChange[];
  /** What its first records here rest on: of what is written again only, there is one copy in the segment. */
  first: Settled | undefined;
  /** Of the settings of the stream, and of its samples. */
  contexts: Offsets;
  samples: Offsets;
}

export interface Segment {
  readonly number: number;
  readonly salt: number;
  /** Committed bytes. */
  size: number;
  /** Server time of its beginning (ms since 1970), undefined where that is lost. */
  created: number | undefined;
  records: number;
  /** Ranges of bytes that hold no good record. */
  readonly holes: [from: number, to: number][];
  /** Undefined once its index file has them. */
  streams: Map<LoggedStream, SegmentStream> | undefined;
  readonly settings: Map<number, number[]>;
  /** Numbers of streams that were deleted, or that another epoch followed. */
  readonly ended: number[];
  doubted: boolean;
  /** Bytes of its index file, 0 without one. */
  indexBytes: number;
  removed: boolean;
}

/** The last that is known of the writer before. */
export interface Run {
  readonly sync: 'full' | 'normal';
  /** Which life of the machine; undefined where that cannot be known. */
  readonly bootId?: string | undefined;
}

/** All that is known of the log without reading its samples. */
export interface Catalog {
  readonly byName: Map<string, LoggedStream>;
  readonly byNumber: Map<number, LoggedStream>;
  readonly settings: Map<number, Settings>;
  /** By number, oldest first. */
  readonly segments: Map<number, Segment>;
  /** Numbers that no stream, no settings have had. */
  nextStream: number;
  nextSettings: number;
  run: Run | undefined;
  stopped: boolean;
}

export function emptyCatalog(): Catalog {
  return {
    byName: new Map(),
    byNumber: new Map(),
    settings: new Map(),
    segments: new Map(),
    nextStream: 1,
    nextSettings: 1,
    run: undefined,
    stopped: false,
  };
}

export function newSegment(number: number, salt: number): Segment {
  return {
    number,
    salt,
    size: 0,
    created: undefined,
    records: 0,
    holes: [],
    streams: new Map(),
    settings: new Map(),
    ended: [],
    doubted: false,
    indexBytes: 0,
    removed: false,
  };
}

export function newStream(number: number, begin: StreamRecord): LoggedStream {
  return {
    number,
    begin,
    channels: begin.channels.length,
    nextSeq: 0,
    oldestSeq: 0,
    newestTime: undefined,
    proven: true,
    filters: [],
    segments: [],
    bases: [],
    blocks: [],
    pen: {
      nextSeq: 0,
      filter: undefined,
      clock: { seq: 0, time: Number.NaN, period: Number.NaN },
      count: 0,
      segment: 0,
    },
  };
}

/** @returns the number of these settings, undefined where the log has none like them */
export function findSettings(catalog: Catalog, settings: Settings): number | undefined {
  for (const [number, known] of catalog.settings) if (sameSettings(known, settings)) return number;
  return undefined;
}

/** The stream is the present epoch of its name. */
export function admit(catalog: Catalog, stream: LoggedStream): void {
  catalog.nextStream = Math.max(catalog.nextStream, stream.number + 1);
  const { stream: name } = stream.begin;
  const former = catalog.byName.get(name);
  if (former === stream) return;
  if (former) dismiss(catalog, former);
  catalog.byName.set(name, stream);
  catalog.byNumber.set(stream.number, stream);
}

export function dismiss(catalog: Catalog, stream: LoggedStream): void {
  catalog.byNumber.delete(stream.number);
  if (catalog.byName.get(stream.begin.stream) === stream) catalog.byName.delete(stream.begin.stream);
}

export function doubtAll(catalog: Catalog): void {
  for (const stream of catalog.byName.values()) stream.proven = false;
}

export function addPlace(stream: LoggedStream, segment: number, base: number, block: number): void {
  if (stream.segments.length === 0) stream.oldestSeq = base;
  stream.segments.push(segment);
  stream.bases.push(base);
  stream.blocks.push(block);
}

export function noteFilter(filters: FilterChange[], filter: FilterChange): void {
  const last = filters.at(-1);
  if (last?.seq === filter.seq && last.settings === filter.settings) return;
  filters.push(filter);
}

/** Those that took effect before the one in force at the oldest sample. */
export function forgetOldFilters({ filters, oldestSeq }: LoggedStream): void {
  const inForce = filters.findLastIndex(({ seq }) => seq <= oldestSeq);
  if (inForce > 0) filters.splice(0, inForce);
}

/** Numbers of the segments at both ends, 0 where there is none. */
export function oldestNumber({ segments }: Catalog): number {
  return segments.keys().next().value ?? 0;
}

export function newestNumber({ segments }: Catalog): number {
  let newest = 0;
  for (const number of segments.keys()) newest = number;
  return newest;
}

/** On disk, the index files with them. */
export function bytesHeld({ segments }: Catalog): number {
  let bytes = 0;
  for (const { size, indexBytes } of segments.values()) bytes += size + indexBytes;
  return bytes;
}
