import { crc32 } from 'node:zlib';
import { type ByteReader, byteReader, takeBytes, takeF64, takeJson, takeU32 } from './byteReader.ts';
import { type ByteWriter, byteWriter, putBytes, putF64, putJson, putU32, reserve } from './byteWriter.ts';
import {
  addPlace,
  admit,
  type Catalog,
  dismiss,
  doubtAll,
  type FilterChange,
  newStream,
  noteFilter,
  type Run,
  type Segment,
  type SegmentStream,
  type Settled,
} from './catalog.ts';
import { putContext, takeContext } from './context.ts';
import type { Offsets } from './offsets.ts';

/** What an index file begins with, for whoever looks into one. */
const text = 'ftindex1';
const prefix = text.length + 4;
const restarts = 1;
const doubted = 2;

interface Meta {
  readonly segment: number;
  readonly salt: number;
  readonly size: number;
  readonly created: number | null;
  readonly records: number;
  readonly holes: [number, number][];
  readonly settings: [number: number, offsets: number[]][];
  readonly ended: number[];
  readonly doubted: boolean;
  readonly run: Run | null;
  readonly stopped: boolean;
  readonly nextStream: number;
  readonly nextSettings: number;
  readonly streams: number;
}

/** An index file's bytes, and where in it each stream's offsets are. */
export interface EncodedIndex {
  readonly bytes: Buffer;
  readonly blocks: ReadonlyMap<SegmentStream, number>;
}

/**
 * All that a start needs to know of a segment that is complete, so that it need not be scanned: a text, the CRC-32 of the
 * rest, a description in JSON, then for each stream that still lives what it was at the end of the segment and the
 * offsets of its records. To be called when the catalog holds nothing that came after the segment.
 */
export function encodeIndex(catalog: Catalog, segment: Segment): EncodedIndex {
  const { number, salt, size, created = null, records, holes } = segment;
  const living = [...segment.streams!.values()].filter(
    ({ stream }) => catalog.byNumber.get(stream.number) === stream,
  );
  const meta: Meta = {
    segment: number,
    salt,
    size,
    created,
    records,
    holes,
    settings: [...segment.settings],
    ended: segment.ended,
    doubted: segment.doubted,
    run: catalog.run ?? null,
    stopped: catalog.stopped,
    nextStream: catalog.nextStream,
    nextSettings: catalog.nextSettings,
    streams: living.length,
  };
  const out = byteWriter(1 << 16);
  out.bytes.write(text, reserve(out, prefix), 'latin1');
  putJson(out, meta);
  const blocks = new Map<SegmentStream, number>();
  for (const held of living) {
    const { stream, base, filters } = held;
    putU32(out, stream.number);
    putU32(out, (held.restarts ? restarts : 0) | (stream.proven ? 0 : doubted));
    putF64(out, base);
    putF64(out, stream.nextSeq);
    putF64(out, stream.newestTime ?? Number.NaN);
    putU32(out, filters.length);
    for (const filter of filters) {
      putF64(out, filter.seq);
      putU32(out, filter.settings);
    }
    blocks.set(held, out.at);
    putBlock(out, held, salt);
  }
  const bytes = out.bytes.subarray(0, out.at);
  bytes.writeUInt32LE(crc32(bytes.subarray(prefix), salt), text.length);
  return { bytes, blocks };
}

/**
 * The offsets of a stream's records, and its description at the end and, if another, at the beginning of the segment;
 * checked by itself, for it is read alone.
 */
function putBlock(out: ByteWriter, { stream, first, contexts, samples }: SegmentStream, salt: number): void {
  const at = reserve(out, 16);
  putBytes(out, bytesOf(contexts));
  putBytes(out, bytesOf(samples));
  putContext(out, stream.begin, stream.pen);
  if (first && first.count !== stream.pen.count) putContext(out, stream.begin, first);
  const length = out.at - at;
  out.view.setUint32(at, contexts.length, true);
  out.view.setUint32(at + 4, samples.length, true);
  out.view.setUint32(at + 8, length, true);
  out.view.setUint32(at + 12, crc32(out.bytes.subarray(at + 16, at + length), salt), true);
}

/**
 * Takes an index file into the catalog, which holds all segments before it.
 *
 * @returns whether it is whole, and of this segment; if not, nothing was taken
 */
export function loadIndex(catalog: Catalog, segment: Segment, bytes: Buffer): boolean {
  if (bytes.length < prefix || bytes.toString('latin1', 0, text.length) !== text) return false;
  if (crc32(bytes.subarray(prefix), segment.salt) !== bytes.readUInt32LE(text.length)) return false;
  const reader = byteReader(bytes, prefix);
  const meta = takeJson(reader) as Meta;
  if (meta.segment !== segment.number || meta.salt !== segment.salt) return false;
  segment.size = meta.size;
  segment.created = meta.created ?? undefined;
  segment.records = meta.records;
  segment.holes.push(...meta.holes);
  segment.ended.push(...meta.ended);
  segment.doubted = meta.doubted;
  segment.indexBytes = bytes.length;
  segment.streams = undefined;
  for (const [number, offsets] of meta.settings) segment.settings.set(number, offsets);
  catalog.run = meta.run ?? undefined;
  catalog.stopped = meta.stopped;
  catalog.nextStream = Math.max(catalog.nextStream, meta.nextStream);
  catalog.nextSettings = Math.max(catalog.nextSettings, meta.nextSettings);
  for (const number of meta.ended) {
    const stream = catalog.byNumber.get(number);
    if (stream) dismiss(catalog, stream);
  }
  if (meta.doubted) doubtAll(catalog);
  for (let left = meta.streams; left > 0; left--) loadRow(catalog, segment, reader);
  return true;
}

function loadRow(catalog: Catalog, segment: Segment, reader: ByteReader): void {
  const number = takeU32(reader);
  const set = takeU32(reader);
  const base = takeF64(reader);
  const next = takeF64(reader);
  const newestTime = takeF64(reader);
  const filters: FilterChange[] = [];
  for (let left = takeU32(reader); left > 0; left--) {
    filters.push({ seq: takeF64(reader), settings: takeU32(reader) });
  }
  const block = reader.at;
  const offsets = takeU32(reader) + takeU32(reader);
  const end = block + takeU32(reader);
  takeBytes(reader, 4 + 4 * offsets);
  const { begin, ...told } = takeContext(reader);
  reader.at = end;
  const stream = catalog.byNumber.get(number) ?? newStream(number, begin);
  admit(catalog, stream);
  if (set & restarts) {
    stream.segments.length = stream.bases.length = stream.blocks.length = 0;
    stream.filters.length = 0;
  }
  for (const filter of filters) noteFilter(stream.filters, filter);
  addPlace(stream, segment.number, base, block);
  stream.nextSeq = Math.max(stream.nextSeq, next);
  if (!Number.isNaN(newestTime)) stream.newestTime = newestTime;
  stream.proven = (set & doubted) === 0;
  Object.assign(stream.pen, { ...told, nextSeq: stream.nextSeq, segment: segment.number });
}

/** Reads so much of a block at once; more where it is longer. */
export const blockHead = 4096;

/** Bytes of the block that begins with these. */
export function blockBytes(head: Buffer): number {
  return head.length < 16 ? Infinity : head.readUInt32LE(8);
}

/** What one segment holds of a stream, as its index file has it. */
export interface Listed {
  readonly contexts: Offsets;
  readonly samples: Offsets;
  /** What the stream's records rest on at the end of the segment, and at its beginning. */
  readonly spare: readonly Settled[];
}

/** @returns undefined where the block is damaged */
export function decodeBlock(bytes: Buffer, salt: number): Listed | undefined {
  const length = blockBytes(bytes);
  if (length < 16 || bytes.length < length) return undefined;
  if (crc32(bytes.subarray(16, length), salt) !== bytes.readUInt32LE(12)) return undefined;
  const contexts = bytes.readUInt32LE(0);
  const samples = bytes.readUInt32LE(4);
  const reader = byteReader(bytes.subarray(0, length), 16);
  const units = new Uint32Array(contexts + samples);
  new Uint8Array(units.buffer).set(takeBytes(reader, 4 * units.length));
  const spare: Settled[] = [];
  while (reader.at < length) spare.push(takeContext(reader));
  return {
    contexts: { units: units.subarray(0, contexts), length: contexts },
    samples: { units: units.subarray(contexts), length: samples },
    spare,
  };
}

function bytesOf({ units, length }: Offsets): Uint8Array {
  return new Uint8Array(units.buffer, units.byteOffset, 4 * length);
}
