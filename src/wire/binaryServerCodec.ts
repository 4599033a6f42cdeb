import { bytesOf, frameFlags, headBytes, trendType, writeHead } from './binaryHead.ts';
import type { FrameMarks, MakeServerCodec, SharedFrame } from './codec.ts';
import { encodeServerMessage } from './jsonServerCodec.ts';
import { parseBinarySamples } from './parseBinarySamples.ts';
import { parseControlMessage } from './parseClientMessage.ts';
import type { TrendRows } from './serverMessages.ts';

/** The daemon's end of `firtrend.v1.bin`: control is JSON text, frames are binary. */
export const binaryServerCodec = ((limits) => ({
  subprotocol: 'firtrend.v1.bin',
  parseClientMessage: (data) =>
    typeof data === 'string' ? parseControlMessage(data, limits) : parseBinarySamples(data, limits),
  encodeServerMessage,
  encodeTrend,
})) satisfies MakeServerCodec as MakeServerCodec;

function encodeTrend(rows: TrendRows): SharedFrame {
  const { trend, raw, coverage, times } = rows;
  const flags =
    (raw ? frameFlags.raw : 0) |
    (coverage ? frameFlags.coverage : 0) |
    (rows.recomputed ? frameFlags.recomputed : 0) |
    (times ? frameFlags.times : 0);
  const body: Uint8Array[] = [];
  for (const numbers of [times, trend, raw, coverage]) if (numbers) body.push(bytesOf(numbers));

  const bytes = new Uint8Array(headBytes);
  const view = new DataView(bytes.buffer);
  writeHead(view, {
    type: trendType,
    flags,
    slot: 0,
    seq: rows.seq,
    time: rows.time,
    period: rows.period,
    rows: rows.rows,
    channels: rows.channels,
    stride: rows.stride ?? 1,
  });
  /** The one head there is, with what differs written over. */
  function head(slot: number, { replay, afterGap }: FrameMarks): Uint8Array {
    view.setUint16(2, flags | (replay ? frameFlags.replay : 0) | (afterGap ? frameFlags.afterGap : 0), true);
    view.setUint32(4, slot, true);
    return bytes;
  }

  return { binary: true, head, body };
}
