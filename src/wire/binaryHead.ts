/*
 * The head of a binary frame of `firtrend.v1.bin`, little endian (docs/protocol.md): Python `<BBHIQddIIII`.
 *
 *      0  u8   type
 *      1  u8   head bytes / 8
 *      2  u16  flags
 *      4  u32  slot
 *      8  u64  seq of the first row
 *     16  f64  time of the first row (ms)
 *     24  f64  period between rows (ms)
 *     32  u32  rows
 *     36  u32  channels
 *     40  u32  stride
 *     44  u32  0
 */

export const headBytes = 48;
export const samplesType = 1;
export const trendType = 2;

export const frameFlags = {
  raw: 1,
  coverage: 2,
  replay: 4,
  afterGap: 8,
  recomputed: 16,
  times: 32,
} as const;

/** In the place of a seq that is left out: the next one. */
export const noSeq = 0xffff_ffff_ffff_ffffn;

export interface BinaryHead {
  readonly type: number;
  readonly flags: number;
  readonly slot: number;
  /** Undefined is `noSeq`. */
  readonly seq: number | undefined;
  /** NaN where left out. */
  readonly time: number;
  readonly period: number;
  readonly rows: number;
  readonly channels: number;
  readonly stride: number;
}

export function writeHead(view: DataView, head: BinaryHead): void {
  view.setUint8(0, head.type);
  view.setUint8(1, headBytes / 8);
  view.setUint16(2, head.flags, true);
  view.setUint32(4, head.slot, true);
  if (head.seq === undefined) {
    view.setBigUint64(8, noSeq, true);
  } else {
    view.setUint32(8, head.seq % 2 ** 32, true);
    view.setUint32(12, head.seq / 2 ** 32, true);
  }
  view.setFloat64(16, head.time, true);
  view.setFloat64(24, head.period, true);
  view.setUint32(32, head.rows, true);
  view.setUint32(36, head.channels, true);
  view.setUint32(40, head.stride, true);
  view.setUint32(44, 0, true);
}

/** The u64 at `at`, as the double nearest to it: exact below 2^53. Faster than by a BigInt. */
export function readSeq(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

/** Whether this machine's numbers lie in memory as the wire has them. */
const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** The bytes of numbers as the wire has them: a view where the machine is little endian. */
export function bytesOf(numbers: Float32Array | Float64Array): Uint8Array {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  return littleEndian ? bytes : swapped(bytes, numbers.BYTES_PER_ELEMENT);
}

/** Numbers from bytes of the wire: a view where the machine is little endian and the bytes are aligned. */
export function numbersOf<T extends Float32Array | Float64Array>(
  Kind: { new (buffer: ArrayBufferLike, at: number, length: number): T; readonly BYTES_PER_ELEMENT: number },
  bytes: Uint8Array,
): T {
  const size = Kind.BYTES_PER_ELEMENT;
  const fits = littleEndian && bytes.byteOffset % size === 0;
  const own = fits ? bytes : littleEndian ? bytes.slice() : swapped(bytes, size);
  return new Kind(own.buffer, own.byteOffset, bytes.byteLength / size);
}

function swapped(bytes: Uint8Array, size: number): Uint8Array {
  const copy = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at += size) {
    for (let i = 0; i < size; i++) copy[at + i] = bytes[at + size - 1 - i]!;
  }
  return copy;
}
