import { headBytes, noSeq, readSeq, samplesType } from './binaryHead.ts';
import { byteValues } from './byteValues.ts';
import type { SamplesMessage } from './clientMessages.ts';
import { closeCodes } from './closeCodes.ts';
import { limitNames, type MessageLimits, limits as protocolLimits } from './limits.ts';
import { WireError } from './wireError.ts';

const { period: periods, time: latest, seq: seqs } = protocolLimits;

/**
 * A binary `samples` frame, its head checked in full. Its numbers stay where they came in until they have a place: any
 * bits are some number, and what is not finite is missing.
 *
 * Throws `WireError`: with the `slot` where the head can be trusted to name one, else with a `closeCode`.
 */
export function parseBinarySamples(data: Uint8Array, limits: MessageLimits): SamplesMessage {
  const length = data.byteLength;
  if (length > limits.message) {
    throw unanswerable(
      `message: expected at most ${limits.message} bytes (${limitNames.message}), got ${length}`,
    );
  }
  if (length < headBytes) {
    throw unanswerable(`frame: expected a head of ${headBytes} bytes, got ${length} bytes`);
  }
  const view = new DataView(data.buffer, data.byteOffset, length);
  if (view.getUint8(0) !== samplesType) {
    throw unanswerable(`frame type: expected ${samplesType} (samples), got ${view.getUint8(0)}`);
  }
  if (view.getUint8(1) !== headBytes / 8) {
    throw unanswerable(`head bytes / 8: expected ${headBytes / 8}, got ${view.getUint8(1)}`);
  }
  const slot = view.getUint32(4, true);
  const refuse = (code: 'badMessage' | 'limit' | 'frameSize', field: string, sentence: string): WireError =>
    new WireError(code, `${field}: expected ${sentence}`, { slot, field });
  const flags = view.getUint16(2, true);
  if (flags !== 0) throw refuse('badMessage', 'flags', `0 (samples have none), got ${flags}`);
  const stride = view.getUint32(40, true);
  if (stride !== 1) throw refuse('badMessage', 'stride', `1, got ${stride}`);
  const reserved = view.getUint32(44, true);
  if (reserved !== 0)
    throw refuse('badMessage', 'reserved', `0 in the last four bytes of the head, got ${reserved}`);

  const rows = view.getUint32(32, true);
  const channels = view.getUint32(36, true);
  checkCount('rows', rows, limits.rows);
  checkCount('channels', channels, limits.channels);
  const count = rows * channels;
  if (length !== headBytes + 4 * count) {
    throw refuse(
      'frameSize',
      'frame',
      `${headBytes + 4 * count} bytes (${rows} rows × ${channels} channels), got ${length}`,
    );
  }

  const stated = readSeq(view, 8);
  let seq: number | undefined = stated;
  if (stated >= seqs) {
    if (view.getBigUint64(8, true) !== noSeq)
      throw refuse('badMessage', 'seq', `below 2^53, or 2^64 - 1 for the next, got ${stated}`);
    seq = undefined;
  }
  const time = view.getFloat64(16, true);
  if (Math.abs(time) > latest)
    throw refuse(
      'badMessage',
      'time',
      `milliseconds since 1970, at most ${latest} either way, or NaN, got ${time}`,
    );
  const period = view.getFloat64(24, true);
  if (period < periods.least || period > periods.most) {
    throw refuse(
      'badMessage',
      'period',
      `milliseconds between rows, ${periods.least} to ${periods.most}, or NaN, got ${period}`,
    );
  }

  return {
    type: 'samples',
    slot,
    seq,
    time: Number.isNaN(time) ? undefined : time,
    period: Number.isNaN(period) ? undefined : period,
    rows,
    channels,
    values: byteValues(data.subarray(headBytes), rows, channels),
    overflow: 0,
  };

  function checkCount(field: 'rows' | 'channels', got: number, most: number): void {
    if (got >= 1 && got <= most) return;
    if (got === 0) throw refuse('frameSize', field, `1 to ${most}, got 0`);
    throw refuse('limit', field, `1 to ${most} (${limitNames[field]}), got ${got}`);
  }
}

function unanswerable(sentence: string): WireError {
  return new WireError('badMessage', sentence, { closeCode: closeCodes.badMessage });
}
