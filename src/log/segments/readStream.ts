import { cutSamples } from '../cutSamples.ts';
import type { DamagedRecord, FilterRecord, SamplesRecord, UnfilteredRecord } from '../sampleLog.ts';
import { byteReader, takeF64 } from './byteReader.ts';
import { type Catalog, type FilterChange, type LoggedStream, newestNumber, type Settled } from './catalog.ts';
import type { Context } from './context.ts';
import { frameRows, frameTime } from './decode.ts';
import { noOffsets } from './offsets.ts';
import {
  contextAt,
  contextIn,
  hurtBetween,
  lastBefore,
  listedIn,
  type Place,
  placesFrom,
  runFrom,
  search,
} from './places.ts';
import { flags, headerBytes, readHeader, readNumber, recordTypes } from './record.ts';
import { type FoundRecord, type ReadAt, scan } from './scan.ts';
import type { SegmentFiles } from './segmentFiles.ts';

type Told = SamplesRecord | FilterRecord | UnfilteredRecord | DamagedRecord;

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
  /** A frame that begins at `end` or later has been met. */
  let past = false;
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
          if (past || readNumber(view, where) !== stream.number) return;
          const type = view.getUint8(where + 6) & 15;
          if (type === recordTypes.stream) context = contextIn(record);
          if (type !== recordTypes.samples && type !== recordTypes.damaged) return;
          for (; holes >= 0 && holes < segment.holes.length && segment.holes[holes]![0] < offset; holes++) {
            found.push('hole');
          }
          const frame = frameIn(record, stream, [context, ...spare]);
          found.push(frame);
          past = frame !== 'hole' && frame.seq >= end;
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
