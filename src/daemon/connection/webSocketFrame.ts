import type { FrameMarks, ServerCodec, SharedFrame, WireData } from '../../wire/codec.ts';
import type { TrendRows } from '../../wire/serverMessages.ts';

/** Up to this size a message is copied into one piece of memory; beyond, writing it in parts is cheaper. */
const onePiece = 16 * 1024;

const fin = 0x80;
const text = 1;
const binary = 2;

/** How long the head of an unmasked WebSocket frame is (RFC 6455, 5.2). */
function headLength(payload: number): number {
  return payload < 126 ? 2 : payload < 65_536 ? 4 : 10;
}

/** @returns where the payload begins */
function writeHead(to: Buffer, opcode: number, payload: number): number {
  to[0] = fin | opcode;
  if (payload < 126) {
    to[1] = payload;
    return 2;
  }
  if (payload < 65_536) {
    to[1] = 126;
    to.writeUInt16BE(payload, 2);
    return 4;
  }
  to[1] = 127;
  to.writeUInt32BE(0, 2);
  to.writeUInt32BE(payload, 6);
  return 10;
}

/** One message as a whole WebSocket frame, as a server sends it: unmasked, uncompressed, unfragmented. */
export function messageFrame(data: WireData): Buffer {
  const payload = typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength;
  const frame = Buffer.allocUnsafe(headLength(payload) + payload);
  const at = writeHead(frame, typeof data === 'string' ? text : binary, payload);
  if (typeof data === 'string') frame.write(data, at);
  else frame.set(data, at);
  return frame;
}

/** A trend frame ready to be written, for one slot. */
interface Framed {
  readonly slot: number;
  readonly marks: FrameMarks;
  readonly parts: readonly Uint8Array[];
}

interface Encoded {
  readonly shared: SharedFrame;
  last: Framed | undefined;
}

/**
 * Frames by the rows they show: each is encoded once for each subprotocol, and where neighbouring subscribers have the
 * same slot number, as the first slot of every connection, they share even the bytes.
 */
export class TrendFrames {
  readonly #encoded = new WeakMap<TrendRows, Map<ServerCodec, Encoded>>();

  parts(rows: TrendRows, codec: ServerCodec, slot: number, marks: FrameMarks): readonly Uint8Array[] {
    let byCodec = this.#encoded.get(rows);
    if (!byCodec) {
      byCodec = new Map();
      this.#encoded.set(rows, byCodec);
    }
    let encoded = byCodec.get(codec);
    if (!encoded) {
      encoded = { shared: codec.encodeTrend(rows), last: undefined };
      byCodec.set(codec, encoded);
    }
    const { last } = encoded;
    if (last?.slot === slot && last.marks.replay === marks.replay && last.marks.afterGap === marks.afterGap) {
      return last.parts;
    }
    const parts = framed(encoded.shared, slot, marks);
    encoded.last = { slot, marks, parts };
    return parts;
  }
}

function framed(shared: SharedFrame, slot: number, marks: FrameMarks): readonly Uint8Array[] {
  const { body } = shared;
  const head = shared.head(slot, marks);
  let payload = head.byteLength;
  for (const part of body) payload += part.byteLength;
  const whole = payload <= onePiece;
  const frame = Buffer.allocUnsafe(headLength(payload) + (whole ? payload : head.byteLength));
  let at = writeHead(frame, shared.binary ? binary : text, payload);
  frame.set(head, at);
  if (!whole) return [frame, ...body];
  at += head.byteLength;
  for (const part of body) {
    frame.set(part, at);
    at += part.byteLength;
  }
  return [frame];
}
