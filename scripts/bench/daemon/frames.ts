import { clientFrame, type RawSocket } from './rawSocket.ts';

export interface Shape {
  readonly channels: number;
  readonly rows: number;
}

const headBytes = 48;

/** A binary frame of samples (docs/protocol.md): its head begins with `type`, for the relay hands it on as it is. */
function samplesFrame({ channels, rows }: Shape, slot: number, seq: number): Buffer {
  const frame = Buffer.alloc(headBytes + 4 * channels * rows);
  frame.writeUInt8(1, 0);
  frame.writeUInt8(headBytes / 8, 1);
  frame.writeUInt32LE(slot, 4);
  frame.writeBigUInt64LE(BigInt(seq), 8);
  frame.writeDoubleLE(1.7e12 + seq * 15.625, 16);
  frame.writeDoubleLE(15.625, 24);
  frame.writeUInt32LE(rows, 32);
  frame.writeUInt32LE(channels, 36);
  frame.writeUInt32LE(1, 40);
  for (let i = 0; i < channels * rows; i++) frame.writeFloatLE(1000 * Math.sin(seq + i), headBytes + 4 * i);
  return frame;
}

/** Rows that a frame holds, of samples or trends. */
export function rowsOf(payload: Buffer): number {
  return payload.readUInt32LE(32);
}

/** A single frame, masked. */
export function maskedFrame(shape: Shape, slot: number, index: number): Buffer {
  return clientFrame(samplesFrame(shape, slot, index * shape.rows));
}

/** The first seq of a frame, of samples or trends. */
export function seqOf(payload: Buffer): number {
  return Number(payload.readBigUInt64LE(8));
}

/** Frames `from … from + count`, masked, a hundred or so in one piece of memory. */
export function masked(shape: Shape, slot: number, from: number, count: number): Buffer[] {
  const perChunk = Math.max(1, Math.floor(65_536 / (headBytes + 4 * shape.channels * shape.rows)));
  const chunks: Buffer[] = [];
  for (let first = from; first < from + count; first += perChunk) {
    const last = Math.min(first + perChunk, from + count);
    const each = Array.from({ length: last - first }, (_, i) =>
      clientFrame(samplesFrame(shape, slot, (first + i) * shape.rows)),
    );
    chunks.push(Buffer.concat(each));
  }
  return chunks;
}

/** Becomes the producer of a stream. @returns its slot */
export async function openStream(
  socket: RawSocket,
  id: number,
  stream: string,
  channels: number,
): Promise<number> {
  const named = Array.from({ length: channels }, (_, c) => ({ name: `c${c}` }));
  socket.text({ type: 'open', id, stream, channels: named, rate: 64 });
  return (await socket.reply<{ id?: number; slot: number }>((m) => m.type === 'opened' && m.id === id)).slot;
}

export async function subscribe(socket: RawSocket, id: number, stream: string): Promise<void> {
  socket.text({ type: 'subscribe', id, streams: [stream] });
  await socket.reply((m) => m.type === 'subscribed');
}
