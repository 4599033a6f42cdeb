import type { FrameMarks, ServerCodec, SharedFrame } from '../../wire/codec.ts';
import type { TrendRows } from '../../wire/serverMessages.ts';
import { headLength, writeHead } from '../webSocket/frameHead.ts';
import { opcodes } from '../webSocket/opcodes.ts';

/** Up to this size a message is copied into one piece of memory; beyond, writing it in parts is cheaper. */
const onePiece = 16 * 1024;

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
  let at = writeHead(frame, shared.binary ? opcodes.binary : opcodes.text, payload);
  frame.set(head, at);
  if (!whole) return [frame, ...body];
  at += head.byteLength;
  for (const part of body) {
    frame.set(part, at);
    at += part.byteLength;
  }
  return [frame];
}
