import { readFile, stat } from 'node:fs/promises';
import { endianness } from 'node:os';
import { logError } from '../logError.ts';
import { type Catalog, emptyCatalog, forgetOldFilters, newSegment, type Segment } from './catalog.ts';
import { listSegments, segmentPath } from './folder.ts';
import { type EncodedIndex, encodeIndex, loadIndex } from './indexFile.ts';
import { formatVersion, headerBytes, readHeader, recordTypes } from './record.ts';
import { replay } from './replay.ts';
import { type ScanSink, scan } from './scan.ts';
import type { SegmentFiles } from './segmentFiles.ts';
import { type Settings, takeSettings } from './settings.ts';

interface Loaded {
  readonly catalog: Catalog;
  /** The last segment, where records may be added to it. */
  readonly open: Segment | undefined;
  /** Bytes in its file, those of a torn commit included. */
  readonly openBytes: number;
  /** Complete segments whose index was missing or damaged, with what belongs in it. */
  readonly unindexed: readonly (EncodedIndex & { readonly segment: Segment })[];
}

/**
 * Learns what a folder of segments holds: from the index files, and by a scan where there is none. Writes nothing.
 *
 * @throws FirtrendError `logFormat`
 */
export async function load(folder: string, files: SegmentFiles): Promise<Loaded> {
  if (endianness() !== 'LE')
    throw logError('logFormat', 'the log is little endian, and so must the machine be');
  const catalog = emptyCatalog();
  const unindexed: (EncodedIndex & { segment: Segment })[] = [];
  const names = await listSegments(folder);
  let open: Segment | undefined;
  let openBytes = 0;
  for (const [i, name] of names.entries()) {
    const segment = newSegment(name.number, name.salt);
    const bytes = await bytesIn(segmentPath(folder, segment, 'segment'));
    if (bytes === undefined) continue;
    catalog.segments.set(segment.number, segment);
    if (await indexed(folder, catalog, segment)) {
      await learnNewSettings(catalog, segment, files);
      continue;
    }
    const isLast = i === names.length - 1;
    await scanSegment(segment, files, bytes, replay(catalog, segment, isLast));
    if (segment.records === 0 && bytes > 0) await mustBeOurs(segment, files);
    if (isLast) {
      open = segment;
      openBytes = bytes;
    } else {
      segment.size = bytes;
      unindexed.push({ segment, ...encodeIndex(catalog, segment) });
    }
  }
  for (const stream of catalog.byName.values()) {
    stream.pen.nextSeq = stream.nextSeq;
    forgetOldFilters(stream);
  }
  replaceLostSettings(catalog);
  return { catalog, open, openBytes, unindexed };
}

/** @returns undefined where there is no file */
async function bytesIn(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function indexed(folder: string, catalog: Catalog, segment: Segment): Promise<boolean> {
  const bytes = await readFile(segmentPath(folder, segment, 'index')).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    },
  );
  return bytes !== undefined && loadIndex(catalog, segment, bytes);
}

/** Goes through `bytes` of a segment's file. */
export async function scanSegment(
  segment: Segment,
  files: SegmentFiles,
  bytes: number,
  sink: ScanSink,
): Promise<void> {
  const readAt = (into: Buffer, position: number) => files.read(segment, 'segment', into, position);
  for await (const _ of scan(readAt, { from: 0, until: bytes, end: bytes }, segment.salt, sink));
}

/** Those that no segment before has told. */
async function learnNewSettings(catalog: Catalog, segment: Segment, files: SegmentFiles): Promise<void> {
  for (const number of segment.settings.keys()) {
    if (catalog.settings.has(number)) continue;
    const settings = await readSettings(segment, files, number);
    if (settings) catalog.settings.set(number, settings);
  }
}

/** @returns undefined where the segment has no copy that is whole */
export async function readSettings(
  segment: Segment,
  files: SegmentFiles,
  number: number,
): Promise<Settings | undefined> {
  const readAt = (into: Buffer, position: number) => files.read(segment, 'segment', into, position);
  let found: Settings | undefined;
  const sink: ScanSink = {
    record({ bytes, view, at }) {
      const header = readHeader(view, at);
      if (header.type !== recordTypes.settings || header.number !== number) return;
      found = takeSettings(bytes.subarray(at + headerBytes, at + headerBytes + header.length));
    },
    hole() {},
  };
  for (const from of segment.settings.get(number) ?? []) {
    if (found) break;
    for await (const _ of scan(readAt, { from, until: from + 8, end: segment.size }, segment.salt, sink));
  }
  return found;
}

/** A kernel that every copy of is damaged: what it made cannot be made again, which is said and not guessed. */
function replaceLostSettings(catalog: Catalog): void {
  for (const { filters } of catalog.byName.values()) {
    for (const { settings } of filters) {
      if (catalog.settings.has(settings)) continue;
      catalog.settings.set(settings, { type: 'unfiltered', reason: 'its kernel is damaged in the log' });
    }
  }
}

/** Where no record is good, a newer version may have written it. */
async function mustBeOurs(segment: Segment, files: SegmentFiles): Promise<void> {
  const head = Buffer.alloc(headerBytes + 16);
  await files.read(segment, 'segment', head, 0);
  const version = head[5]!;
  if (head[4] !== 0xf1 || version === formatVersion || !head.includes('firtrend')) return;
  throw logError(
    'logFormat',
    `segment ${segment.number}: expected format version ${formatVersion}, got ${version}: written by a newer firtrend`,
  );
}
