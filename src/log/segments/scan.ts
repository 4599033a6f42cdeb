import { claimedLength, headerBytes, isWhole, recordBytes } from './record.ts';

/** Fills `bytes` from `position` on. @returns how many bytes there were */
export type ReadAt = (bytes: Buffer, position: number) => Promise<number>;

/** A good record, where it lies in memory: valid until the next one is asked for. */
export interface FoundRecord {
  readonly bytes: Buffer;
  readonly view: DataView;
  at: number;
  /** Where it begins in the segment. */
  offset: number;
  size: number;
}

export interface ScanRange {
  /** A multiple of 8. */
  readonly from: number;
  /** Records that begin here or later are not looked at. */
  readonly until: number;
  /** Where the readable bytes end. */
  readonly end: number;
}

export interface ScanSink {
  record(found: FoundRecord): void;
  /** Bytes `[from, to)` that hold no good record. */
  hole(from: number, to: number): void;
}

/** Pieces grow from one to the other: whoever stops early has not read much more than it took. */
const leastRead = 8192;
const mostRead = 1 << 18;

/**
 * Goes through the records of a segment in order, over damaged bytes to the next good record. Yields after each piece
 * that was read from the file, when what it held has gone to the sink: memory stays flat and others have their turn.
 */
export async function* scan(
  readAt: ReadAt,
  { from, until, end }: ScanRange,
  salt: number,
  sink: ScanSink,
): AsyncGenerator<void> {
  let capacity = leastRead;
  let bytes = Buffer.allocUnsafeSlow(capacity);
  let view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let found: FoundRecord = { bytes, view, at: 0, offset: 0, size: 0 };
  let base = from;
  let filled = 0;
  let at = 0;
  let holeFrom = -1;
  let ended = false;

  function endHole(to: number): void {
    if (holeFrom >= 0) sink.hole(holeFrom, to);
    holeFrom = -1;
  }

  /** Keeps what is not parsed yet, and reads on behind it until `need` bytes are there. */
  async function refill(need: number): Promise<void> {
    if (filled > 0) capacity = Math.max(capacity, Math.min(mostRead, 4 * capacity));
    if (need > capacity) capacity = 2 * need;
    const larger = capacity > bytes.length ? Buffer.allocUnsafeSlow(capacity) : bytes;
    bytes.copy(larger, 0, at, filled);
    filled -= at;
    base += at;
    at = 0;
    if (larger !== bytes) {
      bytes = larger;
      view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      found = { bytes, view, at: 0, offset: 0, size: 0 };
    }
    const wanted = Math.min(capacity - filled, end - base - filled);
    const got = wanted > 0 ? await readAt(bytes.subarray(filled, filled + wanted), base + filled) : 0;
    filled += got;
    ended = got < wanted || base + filled >= end;
  }

  await refill(headerBytes);
  for (;;) {
    let need = 0;
    while (base + at < until) {
      if (filled - at < headerBytes) {
        need = headerBytes;
        break;
      }
      const length = claimedLength(view, at);
      const size = recordBytes(length);
      if (length >= 0 && size > filled - at && !ended && base + at + size <= end) {
        need = size;
        break;
      }
      if (length < 0 || size > filled - at || !isWhole(bytes, view, at, length, salt)) {
        if (holeFrom < 0) holeFrom = base + at;
        at += 8;
        continue;
      }
      endHole(base + at);
      found.at = at;
      found.offset = base + at;
      found.size = size;
      sink.record(found);
      at += size;
    }
    if (need === 0 || ended) break;
    yield;
    await refill(need);
  }
  // What is too short for a record is damaged as well.
  const rest = Math.min(until, end);
  if (holeFrom < 0 && base + at < rest) holeFrom = base + at;
  endHole(rest);
  yield;
}
