/** Binary frames as docs/protocol.md has them, by Node's own Buffer: nothing of the project's code. */

export interface FrameFields {
  readonly slot: number;
  readonly seq?: number;
  readonly time?: number;
  readonly period?: number;
  /** One array for each channel; null is missing. */
  readonly values: readonly (readonly (number | null)[])[];
}

export function binarySamples({ slot, seq, time, period, values }: FrameFields): Buffer {
  const rows = values[0]!.length;
  const bytes = Buffer.alloc(48 + 4 * rows * values.length);
  bytes.writeUInt8(1, 0);
  bytes.writeUInt8(6, 1);
  bytes.writeUInt32LE(slot, 4);
  bytes.writeBigUInt64LE(seq === undefined ? 2n ** 64n - 1n : BigInt(seq), 8);
  bytes.writeDoubleLE(time ?? Number.NaN, 16);
  bytes.writeDoubleLE(period ?? Number.NaN, 24);
  bytes.writeUInt32LE(rows, 32);
  bytes.writeUInt32LE(values.length, 36);
  bytes.writeUInt32LE(1, 40);
  values.flat().forEach((value, i) => void bytes.writeFloatLE(value ?? Number.NaN, 48 + 4 * i));
  return bytes;
}

/** A trend frame in the shape that it has in JSON. */
export function binaryTrend(bytes: Buffer): { type: 'trend'; [field: string]: unknown } {
  if (bytes.readUInt8(0) !== 2) throw new Error(`not a frame of trends: type ${bytes.readUInt8(0)}`);
  const flags = bytes.readUInt16LE(2);
  const rows = bytes.readUInt32LE(32);
  const channels = bytes.readUInt32LE(36);
  const stride = bytes.readUInt32LE(40);
  let at = 8 * bytes.readUInt8(1);
  const times = Array.from({ length: flags & 32 ? rows : 0 }, () => {
    at += 8;
    return bytes.readDoubleLE(at - 8);
  });
  const planes: (number | null)[][][] = [];
  while (at < bytes.length) {
    planes.push(
      Array.from({ length: channels }, (_, c) =>
        Array.from({ length: rows }, (_, i) => {
          const value = bytes.readFloatLE(at + 4 * (c * rows + i));
          return Number.isNaN(value) ? null : value;
        }),
      ),
    );
    at += 4 * rows * channels;
  }
  const coverage = flags & 2 ? planes.pop() : undefined;
  const raw = flags & 1 ? planes.pop() : undefined;
  const [trend] = planes;
  return {
    type: 'trend',
    slot: bytes.readUInt32LE(4),
    seq: Number(bytes.readBigUInt64LE(8)),
    time: bytes.readDoubleLE(16),
    period: bytes.readDoubleLE(24),
    ...(times.length > 0 && { times }),
    ...(stride !== 1 && { stride }),
    ...(flags & 4 && { replay: true }),
    ...(flags & 8 && { afterGap: true }),
    ...(flags & 16 && { recomputed: true }),
    ...(trend && { trend }),
    ...(raw && { raw }),
    ...(coverage && { coverage }),
    ...(!trend && !raw && !coverage && { rows, channels }),
  };
}
