import { binaryServerCodec } from '../../src/wire/binaryServerCodec.ts';
import type { FrameMarks, ServerCodec } from '../../src/wire/codec.ts';
import { jsonServerCodec } from '../../src/wire/jsonServerCodec.ts';
import { limits, type Subprotocol } from '../../src/wire/limits.ts';
import type { TrendRows } from '../../src/wire/serverMessages.ts';

/** The daemon's ends of both subprotocols, with the limits of the protocol itself. */
export const serverCodecs: Readonly<Record<Subprotocol, ServerCodec>> = {
  'firtrend.v1.bin': binaryServerCodec(limits),
  'firtrend.v1.json': jsonServerCodec(limits),
};

/** A trend frame as one WebSocket message. */
export function trendMessage(
  { encodeTrend }: ServerCodec,
  slot: number,
  rows: TrendRows,
  marks: Partial<FrameMarks> = {},
): string | Uint8Array {
  const { binary, head, body } = encodeTrend(rows);
  const bytes = Buffer.concat([head(slot, { replay: false, afterGap: false, ...marks }), ...body]);
  return binary ? bytes : bytes.toString();
}
