import { byteReader } from './byteReader.ts';
import {
  type Catalog,
  type LoggedStream,
  oldestNumber,
  type Segment,
  type SegmentStream,
} from './catalog.ts';
import { type Context, takeContext } from './context.ts';
import { blockBytes, blockHead, decodeBlock, type Listed } from './indexFile.ts';
import { listedEvery, type Offsets } from './offsets.ts';
import { headerBytes, readHeader, readSeq, recordTypes } from './record.ts';
import { type FoundRecord, type ReadAt, scan } from './scan.ts';
import type { SegmentFiles } from './segmentFiles.ts';

/** Two pieces of a segment with less between them than this are read as one. */
const worthSkipping = 16_384;

/** One of the segments that hold a stream, as it was when the reading began. */
export interface Place {
  readonly stream: LoggedStream;
  readonly number: number;
  /** Undefined when it is gone. */
  readonly segment: Segment | undefined;
  readonly base: number;
  readonly block: number;
  /** The stream's offsets, where they are in memory. */
  readonly held: SegmentStream | undefined;
  /** Committed bytes. */
  readonly limit: number;
}

export function placesFrom(catalog: Catalog, stream: LoggedStream, fromSeq: number): Place[] {
  const { segments, bases, blocks } = stream;
  const places: Place[] = [];
  for (let i = Math.max(0, lastAtMost(bases, fromSeq)); i < segments.length; i++) {
    const number = segments[i]!;
    const segment = catalog.segments.get(number);
    const held = segment?.streams?.get(stream);
    places.push({
      stream,
      number,
      segment,
      base: bases[i]!,
      block: blocks[i]!,
      held,
      limit: segment?.size ?? 0,
    });
  }
  return places;
}

/** The index of the last of the ascending values that is at most `value`, -1 if none is. */
function lastAtMost(values: readonly number[], value: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Whether between two segments that hold the stream there is one that is damaged, or gone (and not trimmed). */
export function hurtBetween(catalog: Catalog, before: number, after: number): boolean {
  for (let number = Math.max(before + 1, oldestNumber(catalog)); number < after; number++) {
    const segment = catalog.segments.get(number);
    if (!segment || segment.holes.length > 0) return true;
  }
  return false;
}

/** @returns undefined where the index file is damaged by now: the segment is then read from end to end */
export async function listedIn(
  files: SegmentFiles,
  { stream, segment, held, block }: Place,
): Promise<Listed | undefined> {
  if (held) {
    const spare = held.first ? [{ ...stream.pen }, held.first] : [{ ...stream.pen }];
    return { contexts: { ...held.contexts }, samples: { ...held.samples }, spare };
  }
  if (!segment || block < 0) return undefined;
  let bytes = Buffer.alloc(blockHead);
  bytes = bytes.subarray(0, await files.read(segment, 'index', bytes, block));
  if (blockBytes(bytes) > bytes.length && blockBytes(bytes) <= segment.indexBytes) {
    const whole = Buffer.alloc(blockBytes(bytes));
    bytes = whole.subarray(0, await files.read(segment, 'index', whole, block));
  }
  return decodeBlock(bytes, segment.salt);
}

/** The next piece of the segment that holds the stream's records, from the listed one `at` on. */
export function runFrom(
  { units, length }: Offsets,
  at: number,
  limit: number,
): { readonly from: number; readonly until: number; readonly next: number } | undefined {
  if (at >= length || units[at]! * 8 >= limit) return undefined;
  const from = units[at]! * 8;
  let until = from + listedEvery;
  let next = at + 1;
  while (next < length && units[next]! * 8 < until + worthSkipping) until = units[next++]! * 8 + listedEvery;
  return { from, until: Math.min(until, limit), next };
}

/** @returns the index of the last listed record whose seq is at most `seq`, or an earlier one: 0 if all are above */
export async function search(
  readAt: ReadAt,
  place: Place,
  { units, length }: Offsets,
  seq: number,
  nextBase: number,
): Promise<number> {
  let low = 0;
  let high = length;
  // Where it would be if the stream were even, then away from there in growing steps.
  const share = (seq - place.base) / Math.max(1, nextBase - place.base);
  let probe = Math.min(length - 1, Math.max(1, Math.floor(length * share)));
  for (let step = 1; high - low > 1; step *= 2) {
    if (!(probe > low && probe < high)) probe = (low + high) >> 1;
    const offset = units[probe]! * 8;
    const found = offset < place.limit ? await recordAt(readAt, place, offset, seqOf) : undefined;
    // Before a damaged one is early enough.
    if (found !== undefined && found <= seq) {
      low = probe;
      probe += step;
    } else {
      high = probe;
      probe -= step;
    }
  }
  return low;
}

function seqOf({ view, at }: FoundRecord): number {
  return readSeq(view, at);
}

/** What `take` makes of the record at an offset; undefined where it is damaged. */
async function recordAt<T>(
  readAt: ReadAt,
  { segment, limit: end }: Place,
  from: number,
  take: (found: FoundRecord) => T,
): Promise<T | undefined> {
  let taken: T | undefined;
  const sink = {
    record(found: FoundRecord): void {
      taken = take(found);
    },
    hole() {},
  };
  for await (const _ of scan(readAt, { from, until: from + 8, end }, segment!.salt, sink));
  return taken;
}

export function contextIn({ bytes, at }: FoundRecord): Context {
  return takeContext(byteReader(bytes, at + headerBytes));
}

/** The index of the last offset before another one, -1 if there is none. */
export function lastBefore({ units, length }: Offsets, offset: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (units[middle]! * 8 < offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The stream's description at one of its offsets. New ones are written twice, so one may be damaged. */
export async function contextAt(
  readAt: ReadAt,
  place: Place,
  { units }: Offsets,
  last: number,
): Promise<Context | undefined> {
  for (let i = last; i >= 0 && i > last - 2; i--) {
    const context = await recordAt(readAt, place, units[i]! * 8, (found) => {
      const { type, number } = readHeader(found.view, found.at);
      return type === recordTypes.stream && number === place.stream.number ? contextIn(found) : undefined;
    });
    if (context) return context;
  }
  return undefined;
}
