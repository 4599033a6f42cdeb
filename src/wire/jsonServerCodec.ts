import type { FrameMarks, MakeServerCodec, SharedFrame } from './codec.ts';
import { parseClientMessage } from './parseClientMessage.ts';
import { planesText } from './planesText.ts';
import type { ServerControl, TrendRows } from './serverMessages.ts';

/** The daemon's end of `firtrend.v1.json`. */
export const jsonServerCodec = ((limits) => ({
  subprotocol: 'firtrend.v1.json',
  parseClientMessage: (data) => parseClientMessage(data, limits),
  encodeServerMessage,
  encodeTrend,
})) satisfies MakeServerCodec as MakeServerCodec;

/** Everything but `trend`. Control has no planes and is rare: plain JSON will do. */
export function encodeServerMessage(message: ServerControl): string {
  return JSON.stringify(message);
}

const utf8 = new TextEncoder();

function encodeTrend(rows: TrendRows): SharedFrame {
  return { binary: false, head, body: [utf8.encode(`${trendFields(rows)}}`)] };
}

/**
 * The fields of a trend frame as text, all but its type, slot and marks: each begins with a comma. Flags that are off, a
 * stride of 1 and planes that are absent are left out.
 */
export function trendFields(rows: TrendRows): string {
  let text = `,"seq":${rows.seq},"time":${rows.time},"period":${rows.period}`;
  if (rows.times) text += `,"times":${JSON.stringify(Array.from(rows.times))}`;
  if (rows.stride !== undefined && rows.stride !== 1) text += `,"stride":${rows.stride}`;
  if (rows.recomputed) text += ',"recomputed":true';
  for (const name of ['trend', 'raw', 'coverage'] as const) {
    const planes = rows[name];
    if (planes) text += `,"${name}":${planesText(planes, rows.rows)}`;
  }
  // Without a plane (a stream that has no kernel) nothing else would tell how far the stream has come.
  if (!rows.trend && !rows.raw && !rows.coverage) text += `,"rows":${rows.rows},"channels":${rows.channels}`;
  return text;
}

function head(slot: number, { replay, afterGap }: FrameMarks): Uint8Array {
  const marks = `${replay ? ',"replay":true' : ''}${afterGap ? ',"afterGap":true' : ''}`;
  return utf8.encode(`{"type":"trend","slot":${slot}${marks}`);
}
