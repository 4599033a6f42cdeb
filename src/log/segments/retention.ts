import { rm } from 'node:fs/promises';
import type { FilterRecord, TrimRule, UnfilteredRecord } from '../sampleLog.ts';
import type { Appender } from './appender.ts';
import type { BatchWriter } from './batchWriter.ts';
import {
  bytesHeld,
  type Catalog,
  forgetOldFilters,
  type LoggedStream,
  oldestNumber,
  type Segment,
} from './catalog.ts';
import { segmentPath, syncFolder } from './folder.ts';
import { readSettings } from './load.ts';
import { readStream } from './readStream.ts';
import type { SegmentFiles } from './segmentFiles.ts';

export interface Clock {
  /** Server time (ms since 1970). */
  readonly wall: () => number;
  /** A clock that nobody sets (ms). */
  readonly steady: () => number;
}

/** The wall clock has jumped if it went so much (ms) further than the steady one, or less far. */
const jump = 60_000;
/** Or, over a time when no process ran, so much ahead of the newest time in the log. */
const longAway = 86_400_000;
/** By then a wrong clock has been set right, or was right after all. */
const pause = 3_600_000;
/** Bytes that are carried at a time, so that commits have their turn. */
const carriedAtOnce = 1 << 20;

/** Removes whole segments, the oldest first, when what is still needed of them has been written again. */
export interface Retention {
  /** Whether the oldest segment may go. */
  due(rule: TrimRule): boolean;
  /** One piece of the work. The caller sees to it that nobody else writes. */
  step(rule: TrimRule): Promise<void>;
}

export function retention(
  catalog: Catalog,
  files: SegmentFiles,
  folder: string,
  writer: BatchWriter,
  out: Appender,
  clock: Clock,
): Retention {
  let wall = newestTime(catalog);
  let steady: number | undefined;
  let pausedUntil = -Infinity;
  /** Written again from the oldest segment so far. */
  let carried = 0;
  let worthwhile = 0;

  /** Age counts only while the wall clock can be believed. */
  function believable(): boolean {
    const now = { wall: clock.wall(), steady: clock.steady() };
    const went = now.wall - (wall ?? now.wall);
    const jumped =
      steady === undefined ? went < -jump || went > longAway : Math.abs(went - (now.steady - steady)) > jump;
    wall = now.wall;
    steady = now.steady;
    if (jumped) pausedUntil = now.steady + pause;
    return now.steady >= pausedUntil;
  }

  function due({ maxBytes, maxAge = Infinity }: TrimRule): boolean {
    const byClock = believable();
    if (catalog.segments.size < 2) return false;
    const [oldest, next] = catalog.segments.values();
    // Everything in a segment is older than the beginning of the next one; a clock set back makes neither older.
    const ended = Math.max(oldest!.created ?? -Infinity, next!.created ?? Infinity);
    if (byClock && clock.wall() - ended > maxAge) return true;
    return bytesHeld(catalog) > Math.max(maxBytes, worthwhile);
  }

  /** Writes all that is kept of a stream again. @returns how many bytes that took */
  async function carry(stream: LoggedStream, keepSamples: number): Promise<number> {
    const from = Math.max(stream.oldestSeq, stream.nextSeq - keepSamples);
    let inForce: FilterRecord | UnfilteredRecord | undefined;
    const kept = [];
    let bytes = 0;
    for await (const record of readStream(catalog, files, stream, from, Number.MAX_SAFE_INTEGER)) {
      if ((record.type === 'filter' || record.type === 'unfiltered') && record.seq <= from) inForce = record;
      else kept.push(record);
      if (record.type === 'samples') bytes += record.planes.byteLength;
    }
    writer.begin(await out.room(bytes));
    if (from >= stream.nextSeq) {
      writer.describe(stream);
    } else {
      writer.restart(stream, from, inForce);
      for (const record of kept) {
        if (record.type === 'damaged') writer.damaged(stream, record.seq, record.toSeq);
        else writer.decision(record);
      }
      if (stream.pen.nextSeq < stream.nextSeq) writer.damaged(stream, stream.pen.nextSeq, stream.nextSeq);
    }
    return out.append(writer);
  }

  /** Kernels that are in use and have no whole copy in a later segment. */
  async function carryKernels(oldest: Segment): Promise<void> {
    const used = usedSettings(catalog);
    for (const number of oldest.settings.keys()) {
      if (!used.has(number)) continue;
      let safe = false;
      for (const segment of catalog.segments.values()) {
        safe ||= segment !== oldest && (await readSettings(segment, files, number)) !== undefined;
      }
      if (safe) continue;
      writer.begin(await out.room(0));
      writer.kernel(number);
      await out.append(writer);
    }
  }

  async function remove(segment: Segment): Promise<void> {
    segment.removed = true;
    catalog.segments.delete(segment.number);
    for (const stream of catalog.byName.values()) leave(stream, segment);
    forgetSettings(catalog);
    await files.forget(segment);
    // The index first: without its segment it would stay for ever.
    for (const kind of ['index', 'segment'] as const)
      await rm(segmentPath(folder, segment, kind), { force: true });
    await syncFolder(folder);
  }

  return {
    due,
    async step(rule) {
      for (let carriedNow = 0; due(rule); ) {
        const oldest = catalog.segments.get(oldestNumber(catalog))!;
        for (const stream of catalog.byName.values()) {
          if (!needs(stream, oldest, rule.keepSamples)) continue;
          const bytes = await carry(stream, rule.keepSamples);
          carried += bytes;
          carriedNow += bytes;
          if (carriedNow >= carriedAtOnce) return;
        }
        await carryKernels(oldest);
        await out.surely(() => remove(oldest));
        // Where most of it had to be kept, the next one is not worth its writing until the log has grown again.
        worthwhile = carried > oldest.size / 2 ? 1.25 * bytesHeld(catalog) : 0;
        carried = 0;
      }
    },
  };
}

/** Whether something of the stream would be missing without the segment, the oldest one. */
function needs(
  { segments, bases, oldestSeq, nextSeq }: LoggedStream,
  oldest: Segment,
  keepSamples: number,
): boolean {
  if (segments[0] !== oldest.number) return false;
  return segments.length === 1 || bases[1]! > Math.max(oldestSeq, nextSeq - keepSamples);
}

function leave(stream: LoggedStream, segment: Segment): void {
  const { segments, bases, blocks } = stream;
  if (segments[0] !== segment.number) return;
  for (const numbers of [segments, bases, blocks]) numbers.shift();
  stream.oldestSeq = bases[0] ?? stream.nextSeq;
  forgetOldFilters(stream);
}

function forgetSettings(catalog: Catalog): void {
  const used = usedSettings(catalog);
  for (const number of catalog.settings.keys()) if (!used.has(number)) catalog.settings.delete(number);
}

function usedSettings(catalog: Catalog): Set<number> {
  const used = new Set<number>();
  for (const { filters, pen } of catalog.byName.values()) {
    for (const { settings } of filters) used.add(settings);
    if (pen.filter) used.add(pen.filter.settings);
  }
  return used;
}

function newestTime({ segments }: Catalog): number | undefined {
  let newest: number | undefined;
  for (const { created } of segments.values()) newest = Math.max(newest ?? -Infinity, created ?? -Infinity);
  return newest;
}
