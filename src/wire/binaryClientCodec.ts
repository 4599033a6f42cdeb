import {
  bytesOf,
  frameFlags,
  headBytes,
  numbersOf,
  readSeq,
  samplesType,
  trendType,
  writeHead,
} from './binaryHead.ts';
import type { ClientCodec, SamplesFrame, WireData } from './codec.ts';
import { jsonClientCodec } from './jsonClientCodec.ts';
import type { ServerMessage, TrendFrame } from './serverMessages.ts';
import { WireError } from './wireError.ts';

/** The client's end of `firtrend.v1.bin`. */
export const binaryClientCodec = {
  subprotocol: 'firtrend.v1.bin',
  encodeControl: jsonClientCodec.encodeControl,
  encodeSamples,
  decodeServerMessage: (data: WireData): ServerMessage =>
    typeof data === 'string' ? jsonClientCodec.decodeServerMessage(data) : decodeTrend(data),
} as const satisfies ClientCodec;

function encodeSamples({ slot, seq, time, period, rows, planes }: SamplesFrame): Uint8Array {
  const bytes = new Uint8Array(headBytes + planes.byteLength);
  writeHead(new DataView(bytes.buffer), {
    type: samplesType,
    flags: 0,
    slot,
    seq,
    time: time ?? Number.NaN,
    period: period ?? Number.NaN,
    rows,
    channels: planes.length / rows,
    stride: 1,
  });
  bytes.set(bytesOf(planes), headBytes);
  return bytes;
}

/** Planes are views of the message where it lies aligned. A head longer than we know is of a later version: skipped. */
function decodeTrend(data: Uint8Array): TrendFrame {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data.byteLength < headBytes || view.getUint8(0) !== trendType) throw broken(`${data.byteLength} bytes`);
  const flags = view.getUint16(2, true);
  const has = (flag: keyof typeof frameFlags): boolean => (flags & frameFlags[flag]) !== 0;
  const rows = view.getUint32(32, true);
  const channels = view.getUint32(36, true);
  const stride = view.getUint32(40, true);
  let at = view.getUint8(1) * 8;
  const take = (bytes: number): Uint8Array => {
    at += bytes;
    if (at > data.byteLength)
      throw broken(`${data.byteLength} bytes for ${rows} rows × ${channels} channels`);
    return data.subarray(at - bytes, at);
  };
  const times = has('times') ? numbersOf(Float64Array, take(8 * rows)) : undefined;
  const size = 4 * rows * channels;
  const plane = (): Float32Array => numbersOf(Float32Array, take(size));
  // The trend has no flag: it is there where there is one plane more than the flags say.
  const others = Number(has('raw')) + Number(has('coverage'));
  const trend = data.byteLength - at > others * size ? plane() : undefined;
  const raw = has('raw') ? plane() : undefined;
  const coverage = has('coverage') ? plane() : undefined;
  return {
    type: 'trend',
    slot: view.getUint32(4, true),
    seq: readSeq(view, 8),
    rows,
    channels,
    time: view.getFloat64(16, true),
    period: view.getFloat64(24, true),
    ...(times && { times }),
    ...(stride !== 1 && { stride }),
    ...(trend && { trend }),
    ...(raw && { raw }),
    ...(coverage && { coverage }),
    ...(has('replay') && { replay: true }),
    ...(has('afterGap') && { afterGap: true }),
    ...(has('recomputed') && { recomputed: true }),
  };
}

function broken(got: string): WireError {
  return new WireError('badMessage', `message: expected a frame of trends, got ${got}`);
}
