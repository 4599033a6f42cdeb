import type { ServerCodec, SharedFrame } from './codec.ts';
import { parseClientMessage } from './parseClientMessage.ts';
import { planesText } from './planesText.ts';
import type { ServerControl, TrendRows } from './serverMessages.ts';

/** The daemon's end of `firtrend.v1.json`. */
export const jsonServerCodec = {
  subprotocol: 'firtrend.v1.json',
  parseClientMessage,
  encodeServerMessage,
  encodeTrend,
} as const satisfies ServerCodec;

/** Everything but `trend`. Control has no planes and is rare: plain JSON will do. */
function encodeServerMessage(message: ServerControl): string {
  return JSON.stringify(message);
}

/**
 * A trend frame as text, all but its slot. Flags that are off, a stride of 1 and planes that are absent are left out.
 */
function encodeTrend(rows: TrendRows): SharedFrame {
  let body = `,"seq":${rows.seq},"time":${rows.time},"period":${rows.period}`;
  if (rows.times) body += `,"times":${JSON.stringify(Array.from(rows.times))}`;
  if (rows.stride !== undefined && rows.stride !== 1) body += `,"stride":${rows.stride}`;
  for (const name of ['replay', 'afterGap', 'recomputed'] as const) {
    if (rows[name]) body += `,"${name}":true`;
  }
  for (const name of ['trend', 'raw', 'coverage'] as const) {
    const planes = rows[name];
    if (planes) body += `,"${name}":${planesText(planes, rows.rows)}`;
  }
  // Without a plane (a stream that has no kernel) nothing else would tell how far the stream has come.
  if (!rows.trend && !rows.raw && !rows.coverage) body += `,"rows":${rows.rows},"channels":${rows.channels}`;
  return (slot) => `{"type":"trend","slot":${slot}${body}}`;
}
