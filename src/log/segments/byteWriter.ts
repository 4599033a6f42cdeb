/** A buffer that grows, written from front to back, little endian. What it hands out is valid until the next `reset`. */
export interface ByteWriter {
  /** Where the next byte goes. */
  at: number;
  bytes: Buffer;
  view: DataView;
}

export function byteWriter(capacity: number): ByteWriter {
  const buffer = new ArrayBuffer(capacity);
  return { at: 0, bytes: Buffer.from(buffer), view: new DataView(buffer) };
}

/** Makes room for `count` bytes more. @returns where they begin; the caller fills them */
export function reserve(writer: ByteWriter, count: number): number {
  const from = writer.at;
  if (from + count > writer.bytes.length) {
    const larger = byteWriter(Math.max(2 * writer.bytes.length, from + count));
    larger.bytes.set(writer.bytes.subarray(0, from));
    writer.bytes = larger.bytes;
    writer.view = larger.view;
  }
  writer.at = from + count;
  return from;
}

export function putU16(writer: ByteWriter, value: number): void {
  const at = reserve(writer, 2);
  writer.view.setUint16(at, value, true);
}

export function putU32(writer: ByteWriter, value: number): void {
  const at = reserve(writer, 4);
  writer.view.setUint32(at, value, true);
}

export function putF64(writer: ByteWriter, value: number): void {
  const at = reserve(writer, 8);
  writer.view.setFloat64(at, value, true);
}

export function putBytes(writer: ByteWriter, bytes: Uint8Array): void {
  const at = reserve(writer, bytes.length);
  writer.bytes.set(bytes, at);
}

/** Its length in UTF-8 as u16, then the text. */
export function putText(writer: ByteWriter, text: string): void {
  const length = Buffer.byteLength(text);
  putU16(writer, length);
  const at = reserve(writer, length);
  writer.bytes.write(text, at, 'utf8');
}

/** Its length as u32, then JSON. */
export function putJson(writer: ByteWriter, value: unknown): void {
  const text = Buffer.from(JSON.stringify(value));
  putU32(writer, text.length);
  putBytes(writer, text);
}

/** The bits of the values as they are. */
export function putFloats(writer: ByteWriter, values: Float32Array): void {
  putBytes(writer, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}
