import type { ClientCodec, SamplesFrame, WireData } from './codec.ts';
import { planesText } from './planesText.ts';
import type { ServerMessage, TrendFrame } from './serverMessages.ts';
import { WireError } from './wireError.ts';

/** The client's end of `firtrend.v1.json`. */
export const jsonClientCodec = {
  subprotocol: 'firtrend.v1.json',
  encodeControl: JSON.stringify,
  encodeSamples,
  decodeServerMessage,
} as const satisfies ClientCodec;

function encodeSamples({ slot, seq, time, period, rows, planes }: SamplesFrame): string {
  let head = `{"type":"samples","slot":${slot}`;
  if (seq !== undefined) head += `,"seq":${seq}`;
  if (time !== undefined) head += `,"time":${time}`;
  if (period !== undefined) head += `,"period":${period}`;
  return `${head},"values":${planesText(planes, rows)}}`;
}

type Plane = readonly (readonly (number | null)[])[];

/** A `trend` message as JSON has it. */
type TrendText = Omit<TrendFrame, 'rows' | 'channels' | 'times' | 'trend' | 'raw' | 'coverage'> & {
  readonly rows?: number;
  readonly channels?: number;
  readonly times?: readonly number[];
  readonly trend?: Plane;
  readonly raw?: Plane;
  readonly coverage?: Plane;
};

function decodeServerMessage(data: WireData): ServerMessage {
  if (typeof data !== 'string') {
    throw new WireError('badMessage', 'message: expected text (firtrend.v1.json), got bytes');
  }
  let message: unknown;
  try {
    message = JSON.parse(data);
  } catch (cause) {
    throw new WireError('badMessage', `message: expected JSON, got ${data.slice(0, 40)}`, { cause });
  }
  if (message === null || typeof message !== 'object' || !('type' in message)) {
    throw new WireError('badMessage', `message: expected an object with a type, got ${data.slice(0, 40)}`);
  }
  return message.type === 'trend' ? trendFrame(message as TrendText) : (message as ServerMessage);
}

function trendFrame({ times, trend, raw, coverage, ...head }: TrendText): TrendFrame {
  const any = trend ?? raw ?? coverage;
  return {
    ...head,
    rows: any?.[0]?.length ?? head.rows ?? 0,
    channels: any?.length ?? head.channels ?? 0,
    ...(times && { times: Float64Array.from(times) }),
    ...(trend && { trend: planes(trend) }),
    ...(raw && { raw: planes(raw) }),
    ...(coverage && { coverage: planes(coverage) }),
  };
}

function planes(values: Plane): Float32Array {
  const rows = values[0]?.length ?? 0;
  const all = new Float32Array(values.length * rows);
  let at = 0;
  for (const channel of values) {
    for (const value of channel) all[at++] = value ?? Number.NaN;
  }
  return all;
}
