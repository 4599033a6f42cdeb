/** Reads what `byteWriter` wrote. Reading beyond the end throws a RangeError: a checksum was right and the content is not. */
export interface ByteReader {
  at: number;
  readonly bytes: Buffer;
  readonly view: DataView;
}

export function byteReader(bytes: Buffer, at = 0): ByteReader {
  return { at, bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

export function takeU16(reader: ByteReader): number {
  reader.at += 2;
  return reader.view.getUint16(reader.at - 2, true);
}

export function takeU32(reader: ByteReader): number {
  reader.at += 4;
  return reader.view.getUint32(reader.at - 4, true);
}

export function takeF64(reader: ByteReader): number {
  reader.at += 8;
  return reader.view.getFloat64(reader.at - 8, true);
}

export function takeBytes(reader: ByteReader, count: number): Buffer {
  const from = reader.at;
  reader.at += count;
  if (reader.at > reader.bytes.length) throw new RangeError(`expected ${count} bytes at ${from}`);
  return reader.bytes.subarray(from, reader.at);
}

export function takeText(reader: ByteReader): string {
  return takeBytes(reader, takeU16(reader)).toString('utf8');
}

export function takeJson(reader: ByteReader): unknown {
  return JSON.parse(takeBytes(reader, takeU32(reader)).toString('utf8'));
}

/** A copy: the bits as they are. */
export function takeFloats(reader: ByteReader, count: number): Float32Array {
  const values = new Float32Array(count);
  new Uint8Array(values.buffer).set(takeBytes(reader, 4 * count));
  return values;
}
