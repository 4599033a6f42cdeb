import { crc32 } from 'node:zlib';

/**
 * A record: 24 bytes of header, the payload, zeros up to a multiple of 8. Little endian.
 *
 *      0  u32  CRC-32 of all that follows but the padding, begun with the segment's salt
 *      4  u8   magic 0xF1
 *      5  u8   format version
 *      6  u8   type (low half), flags (high half)
 *      7  u8   tag: how often the stream's settings were written, modulo 256
 *      8  u24  bytes of payload
 *     11  u24  number of the stream, or of the settings
 *     14  u56  seq
 *     21  i24  drift: the time of the first row less what the stream's clock expects, in 1/4096 ms
 *
 * Of a record damaged anywhere nothing is believed; the next good one is found by trying each multiple of 8.
 */
export const headerBytes = 24;
export const formatVersion = 1;
const magic = 0xf1;
/** A payload is shorter than this. */
export const maxPayload = 2 ** 24;
/** Numbers of streams and settings are below this. */
export const maxNumber = 2 ** 24;

export const recordTypes = {
  /** The first of every segment: when it was begun. */
  segment: 1,
  /** A kernel with all that shapes a trend, under a number. */
  settings: 2,
  /** All that holds for a stream from here on: what never changes, its settings, its clock. */
  stream: 3,
  samples: 4,
  /** A range of samples that was lost, from a segment that is gone. */
  damaged: 5,
  delete: 6,
  /** A writer takes over: how it syncs, and in which life of the machine. */
  start: 7,
  /** It has closed in order: everything before is committed. */
  stop: 8,
  /** From here on nothing proves that the log holds all that was acknowledged before. */
  doubt: 9,
} as const;
export type RecordType = (typeof recordTypes)[keyof typeof recordTypes];

export const flags = {
  /** The last record of its commit: a commit without it never happened. */
  end: 1,
  /** Written again, from an older segment. */
  carried: 2,
  /** The payload begins with time and period (f64 each), for the stream's clock does not give them. */
  clock: 4,
  /** The stream's log is not proven to hold all that was acknowledged. */
  doubt: 8,
} as const;

export interface Header {
  readonly type: number;
  readonly flags: number;
  readonly tag: number;
  readonly length: number;
  readonly number: number;
  readonly seq: number;
  readonly drift: number;
}

/** Bytes on disk of a record with so much payload. */
export function recordBytes(length: number): number {
  return (headerBytes + length + 7) & ~7;
}

/** Fills in all but length, flags and CRC, which `sealRecord` does. */
export function writeHeader(
  view: DataView,
  at: number,
  type: RecordType,
  tag: number,
  number: number,
  seq: number,
  drift: number,
): void {
  view.setUint32(at, 0, true);
  view.setUint8(at + 4, magic);
  view.setUint8(at + 5, formatVersion);
  view.setUint8(at + 6, type);
  view.setUint8(at + 7, tag);
  view.setUint16(at + 11, number, true);
  view.setUint8(at + 13, number >>> 16);
  view.setUint32(at + 14, seq % 2 ** 32, true);
  view.setUint16(at + 18, (seq / 2 ** 32) & 0xffff, true);
  view.setUint8(at + 20, seq / 2 ** 48);
  view.setUint16(at + 21, drift & 0xffff, true);
  view.setUint8(at + 23, (drift >> 16) & 0xff);
}

/** Fills in what is known only when the payload is there. */
export function sealRecord(
  bytes: Buffer,
  view: DataView,
  at: number,
  length: number,
  set: number,
  salt: number,
): void {
  view.setUint16(at + 8, length, true);
  view.setUint8(at + 10, length >>> 16);
  view.setUint8(at + 6, (view.getUint8(at + 6) & 15) | (set << 4));
  view.setUint32(at, crc32(bytes.subarray(at + 4, at + headerBytes + length), salt), true);
}

/** The length that a header claims, -1 where there is no header. */
export function claimedLength(view: DataView, at: number): number {
  if (view.getUint16(at + 4, true) !== (magic | (formatVersion << 8))) return -1;
  const type = view.getUint8(at + 6) & 15;
  if (type < recordTypes.segment || type > recordTypes.doubt) return -1;
  return view.getUint16(at + 8, true) | (view.getUint8(at + 10) << 16);
}

/** Whether the record at `at`, of `length` bytes of payload, is what was written. */
export function isWhole(bytes: Buffer, view: DataView, at: number, length: number, salt: number): boolean {
  return crc32(bytes.subarray(at + 4, at + headerBytes + length), salt) === view.getUint32(at, true);
}

export function readHeader(view: DataView, at: number): Header {
  const typeAndFlags = view.getUint8(at + 6);
  return {
    type: typeAndFlags & 15,
    flags: typeAndFlags >>> 4,
    tag: view.getUint8(at + 7),
    length: view.getUint16(at + 8, true) | (view.getUint8(at + 10) << 16),
    number: readNumber(view, at),
    seq: readSeq(view, at),
    drift: view.getUint16(at + 21, true) | (view.getInt8(at + 23) << 16),
  };
}

export function readNumber(view: DataView, at: number): number {
  return view.getUint16(at + 11, true) | (view.getUint8(at + 13) << 16);
}

export function readSeq(view: DataView, at: number): number {
  return (
    view.getUint32(at + 14, true) + view.getUint16(at + 18, true) * 2 ** 32 + view.getUint8(at + 20) * 2 ** 48
  );
}
