import { cutSamples } from '../cutSamples.ts';
import type { DamagedRecord, FilterRecord, SamplesRecord, UnfilteredRecord } from '../sampleLog.ts';
import { byteReader, takeF64 } from './byteReader.ts';
import {
  type Catalog,
  type FilterChange,
  type LoggedStream,
  newestNumber,
  oldestNumber,
  type Segment,
  type SegmentStream,
  type Settled,
} from './catalog.ts';
import { type Context, takeContext } from './context.ts';
import { frameRows, frameTime } from './decode.ts';
import { blockBytes, blockHead, decodeBlock, type Listed } from './indexFile.ts';
import { listedEvery, noOffsets, type Offsets } from './offsets.ts';
import { flags, headerBytes, readHeader, readNumber, readSeq, recordTypes } from './record.ts';
import { type FoundRecord, type ReadAt, scan } from './scan.ts';
import type { SegmentFiles } from './segmentFiles.ts';

type Told = SamplesRecord | FilterRecord | UnfilteredRecord | DamagedRecord;

/** Two pieces of a segment with less between them than this are read as one. */
const worthSkipping = 16_384;

/** What a piece of a segment holds of one stream: frames, and where something is lost. */
type Found =
  | SamplesRecord
  | { readonly type: 'damaged'; readonly seq: number; readonly toSeq: number }
  | 'hole';

/** What `SampleLog.read` promises, of what is committed at the first call of `next`. */
export async function* readStream(
  catalog: Catalog,
  files: SegmentFiles,
  stream: LoggedStream,
  fromSeq: number,
  toSeq: number,
): AsyncGenerator<Told> {
  const name = stream.begin.stream;
  const end = Math.min(toSeq, stream.nextSeq);
  const filters = stream.filters.filter((filter) => filter.seq < toSeq);
  let next = Math.max(
    0,
    filters.findLastIndex((filter) => filter.seq <= fromSeq),
  );
  const tell = ({ seq, settings }: FilterChange): FilterRecord | UnfilteredRecord => ({
    ...catalog.settings.get(settings)!,
    stream: name,
    seq,
  });
  // The first seq that is not told yet, and whether something is lost before the next frame.
  let due = Math.max(fromSeq, stream.oldestSeq);
  let hurt = false;
  for await (const found of framesOf(catalog, files, stream, fromSeq, end)) {
    if (found === 'hole') {
      hurt = true;
      continue;
    }
    const from = Math.max(found.seq, due);
    const to = found.type === 'damaged' ? found.toSeq : found.seq + found.rows;
    if (hurt && due < Math.min(from, end)) {
      yield { type: 'damaged', stream: name, seq: due, toSeq: Math.min(from, end) };
    }
    hurt = false;
    if (to <= due) continue;
    due = to;
    if (from >= end) break;
    while (next < filters.length && filters[next]!.seq <= Math.max(from, fromSeq))
      yield tell(filters[next++]!);
    if (found.type === 'damaged') yield { ...found, stream: name, seq: from, toSeq: Math.min(to, end) };
    else yield cutSamples(found, fromSeq, toSeq);
  }
  if (hurt && due < end) yield { type: 'damaged', stream: name, seq: due, toSeq: end };
  while (next < filters.length) yield tell(filters[next++]!);
}

/** Frames from the one that holds `fromSeq` (or an earlier one) on, until one that begins at `end` or later. */
async function* framesOf(
  catalog: Catalog,
  files: SegmentFiles,
  stream: LoggedStream,
  fromSeq: number,
  end: number,
): AsyncGenerator<Found> {
  if (fromSeq >= end) return;
  const places = placesFrom(catalog, stream, fromSeq);
  const newest = newestNumber(catalog);
  let before: Place | undefined;
  let context: Context | undefined;
  for (const [i, place] of places.entries()) {
    if (before && place.base >= end) return;
    const { segment, limit } = place;
    if (before && hurtBetween(catalog, before.number, place.number)) yield 'hole';
    before = place;
    if (!segment || segment.removed) continue;
    const readAt: ReadAt = (bytes, position) => files.read(segment, 'segment', bytes, position);
    const listed = await listedIn(files, place);
    const { contexts, samples, spare } = listed ?? { contexts: noOffsets(), samples: undefined, spare: [] };
    const nextBase = places[i + 1]?.base ?? stream.nextSeq;
    let at = i === 0 && samples ? await search(readAt, place, samples, fromSeq, nextBase) : 0;
    let seen = i === 0 && samples && samples.length > 0 ? samples.units[at]! * 8 : 0;
    let holes = segment.holes.findIndex(([from]) => from >= seen);
    // The last of the stream's descriptions that is known; scanning on comes across later ones.
    let met = -1;
    for (;;) {
      const run = samples
        ? runFrom(samples, at, limit)
        : at === 0
          ? { from: 0, until: limit, next: 1 }
          : undefined;
      if (!run) break;
      at = run.next;
      const last = lastBefore(contexts, run.from);
      if (last !== met) context = (await contextAt(readAt, place, contexts, last)) ?? context;
      met = last;
      const found: Found[] = [];
      const sink = {
        record(record: FoundRecord): void {
          const { view, at: where, offset } = record;
          if (readNumber(view, where) !== stream.number) return;
          const type = view.getUint8(where + 6) & 15;
          if (type === recordTypes.stream) context = contextIn(record);
          if (type !== recordTypes.samples && type !== recordTypes.damaged) return;
          for (; holes >= 0 && holes < segment.holes.length && segment.holes[holes]![0] < offset; holes++) {
            found.push('hole');
          }
          found.push(frameIn(record, stream, [context, ...spare]));
        },
        hole: () => void found.push('hole'),
      };
      seen = run.until;
      const range = { from: run.from, until: run.until, end: limit };
      for await (const _ of scan(readAt, range, segment.salt, sink)) {
        // A piece that is gone with its segment is not damaged, but trimmed.
        if (segment.removed) return;
        for (const each of found.splice(0)) {
          yield each;
          if (each !== 'hole' && each.seq >= end) return;
        }
      }
    }
    if (segment.holes.some(([from]) => from >= seen)) yield 'hole';
  }
  if (before && hurtBetween(catalog, before.number, newest + 1)) yield 'hole';
}

/** One of the segments that hold a stream, as it was when the reading began. */
interface Place {
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

function placesFrom(catalog: Catalog, stream: LoggedStream, fromSeq: number): Place[] {
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
function hurtBetween(catalog: Catalog, before: number, after: number): boolean {
  for (let number = Math.max(before + 1, oldestNumber(catalog)); number < after; number++) {
    const segment = catalog.segments.get(number);
    if (!segment || segment.holes.length > 0) return true;
  }
  return false;
}

/** @returns undefined where the index file is damaged by now: the segment is then read from end to end */
async function listedIn(
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
function runFrom(
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
async function search(
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

function contextIn({ bytes, at }: FoundRecord): Context {
  return takeContext(byteReader(bytes, at + headerBytes));
}

/** The index of the last offset before another one, -1 if there is none. */
function lastBefore({ units, length }: Offsets, offset: number): number {
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
async function contextAt(
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

/**
 * A frame as it was committed; a hole where it rests on settings that are lost.
 *
 * @param settled what it may rest on: the description met last, and those to fall back on where that is damaged
 */
function frameIn(
  { bytes, view, at }: FoundRecord,
  stream: LoggedStream,
  settled: readonly (Settled | undefined)[],
): Found {
  const header = readHeader(view, at);
  const { clock } = settled.find((each) => each && header.tag === (each.count & 255)) ?? {};
  if (!clock) return 'hole';
  const payload = at + headerBytes;
  if (header.type === recordTypes.damaged) {
    return { type: 'damaged', seq: header.seq, toSeq: takeF64(byteReader(bytes, payload)) };
  }
  const rows = frameRows(header, stream.channels);
  if (rows === 0) return 'hole';
  const has = (header.flags & flags.clock) !== 0;
  const own = has
    ? { time: view.getFloat64(payload, true), period: view.getFloat64(payload + 8, true) }
    : { time: Number.NaN, period: Number.NaN };
  const planes = new Float32Array(rows * stream.channels);
  const from = payload + (has ? 16 : 0);
  new Uint8Array(planes.buffer).set(bytes.subarray(from, from + planes.byteLength));
  const { time, period } = frameTime(header, own, clock);
  return { type: 'samples', stream: stream.begin.stream, seq: header.seq, rows, planes, time, period };
}
