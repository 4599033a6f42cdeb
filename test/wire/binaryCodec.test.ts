import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binaryClientCodec } from '../../src/wire/binaryClientCodec.ts';
import type { SamplesMessage } from '../../src/wire/clientMessages.ts';
import type { TrendFrame, TrendRows } from '../../src/wire/serverMessages.ts';
import { WireError } from '../../src/wire/wireError.ts';
import { serverCodecs, trendMessage } from '../support/codecs.ts';
import { planesOf } from '../support/planes.ts';

const codec = serverCodecs['firtrend.v1.bin'];

/** A frame as docs/protocol.md has it, written by Node's own Buffer and nothing of ours. */
interface Head {
  type?: number;
  head?: number;
  flags?: number;
  slot?: number;
  seq?: bigint;
  time?: number;
  period?: number;
  rows?: number;
  channels?: number;
  stride?: number | undefined;
  reserved?: number;
}

function frame(head: Head, values: readonly number[] = [], times: readonly number[] = []): Buffer {
  const bytes = Buffer.alloc(48 + 8 * times.length + 4 * values.length);
  bytes.writeUInt8(head.type ?? 1, 0);
  bytes.writeUInt8(head.head ?? 6, 1);
  bytes.writeUInt16LE(head.flags ?? 0, 2);
  bytes.writeUInt32LE(head.slot ?? 3, 4);
  bytes.writeBigUInt64LE(head.seq ?? 640n, 8);
  bytes.writeDoubleLE(head.time ?? 1e12, 16);
  bytes.writeDoubleLE(head.period ?? 15.625, 24);
  bytes.writeUInt32LE(head.rows ?? 2, 32);
  bytes.writeUInt32LE(head.channels ?? 1, 36);
  bytes.writeUInt32LE(head.stride ?? 1, 40);
  bytes.writeUInt32LE(head.reserved ?? 0, 44);
  times.forEach((time, i) => void bytes.writeDoubleLE(time, 48 + 8 * i));
  values.forEach((value, i) => void bytes.writeFloatLE(value, 48 + 8 * times.length + 4 * i));
  return bytes;
}

/** The same bytes at any offset in memory, with others around them. */
function shifted(bytes: Uint8Array, by: number): Uint8Array {
  const memory = new Uint8Array(bytes.length + 16).fill(0xaa);
  memory.set(bytes, by);
  return memory.subarray(by, by + bytes.length);
}

function refusal(bytes: Uint8Array): WireError {
  try {
    codec.parseClientMessage(bytes);
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

const float32 = fc.oneof(
  fc.constant(Number.NaN),
  fc.constant(-0),
  fc.float({ noNaN: true, noDefaultInfinity: true }),
);
const shape = fc.record({ rows: fc.integer({ min: 1, max: 40 }), channels: fc.integer({ min: 1, max: 5 }) });
const seq = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const time = fc.double({ min: -8.64e15, max: 8.64e15, noNaN: true });
const period = fc.double({ min: 1e-6, max: 1e12, noNaN: true });
const offset = fc.nat({ max: 15 });

function planeOf(rows: number, channels: number): fc.Arbitrary<Float32Array> {
  const minLength = rows * channels;
  return fc.array(float32, { minLength, maxLength: minLength }).map((values) => Float32Array.from(values));
}

describe('samples', () => {
  it('are what Buffer writes, at any alignment, and the client writes the same bytes', () => {
    const frames = shape.chain(({ rows, channels }) =>
      fc.record({
        slot: fc.nat(),
        seq,
        time,
        period,
        rows: fc.constant(rows),
        planes: planeOf(rows, channels),
      }),
    );
    fc.assert(
      fc.property(frames, offset, (sent, by) => {
        const { rows, planes } = sent;
        const channels = planes.length / rows;
        const bytes = frame({ ...sent, seq: BigInt(sent.seq), channels }, [...planes]);
        const { planes: _, ...head } = sent;
        const message = codec.parseClientMessage(shifted(bytes, by)) as SamplesMessage;
        expect(message).toMatchObject({ type: 'samples', ...head, channels, overflow: 0 });
        expect(planesOf(message)).toEqual(planes);
        expect(Buffer.compare(binaryClientCodec.encodeSamples(sent), bytes)).toBe(0);
      }),
    );
  });

  it('seq, time and period may be left out, and what is not finite is missing', () => {
    const left = frame({ seq: 2n ** 64n - 1n, time: Number.NaN, period: Number.NaN, rows: 4 }, [
      1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ]);
    const message = codec.parseClientMessage(left) as SamplesMessage;
    expect(message).toMatchObject({ seq: undefined, time: undefined, period: undefined });
    expect([...planesOf(message)]).toEqual([1, Number.NaN, Number.NaN, Number.NaN]);
    const planes = Float32Array.of(1);
    const ours = binaryClientCodec.encodeSamples({ slot: 3, rows: 1, planes }) as Uint8Array;
    expect(
      Buffer.compare(
        ours,
        frame({ seq: 2n ** 64n - 1n, time: Number.NaN, period: Number.NaN, rows: 1 }, [1]),
      ),
    ).toBe(0);
  });

  it('are placed in wider planes, without the rows that are held already', () => {
    const bytes = frame({ rows: 3, channels: 2 }, [1, 2, 3, 4, 5, Number.POSITIVE_INFINITY]);
    const { values } = codec.parseClientMessage(shifted(bytes, 3)) as SamplesMessage;
    const wide = new Float32Array(10).fill(-1);
    values.place(wide, 5, 2, 1);
    expect([...wide]).toEqual([-1, -1, 2, 3, -1, -1, -1, 5, Number.NaN, -1]);
  });

  it.each<[string, Head, number, string, RegExp]>([
    ['a flag', { flags: 1 }, 2, 'badMessage', /^flags: expected 0 .*, got 1$/],
    ['times', { flags: 32 }, 2, 'badMessage', /^flags: expected 0/],
    ['a stride', { stride: 2 }, 2, 'badMessage', /^stride: expected 1, got 2$/],
    ['no stride', { stride: 0 }, 2, 'badMessage', /^stride: expected 1, got 0$/],
    ['the reserved bytes', { reserved: 1 << 16 }, 2, 'badMessage', /^reserved: expected 0 .*, got 65536$/],
    ['no rows', { rows: 0 }, 0, 'frameSize', /^rows: expected 1 to 65536, got 0$/],
    [
      'too many rows',
      { rows: 65_537 },
      65_537,
      'limit',
      /^rows: expected 1 to 65536 \(limits\.rows\), got 65537$/,
    ],
    ['no channels', { channels: 0 }, 0, 'frameSize', /^channels: expected 1 to 1024, got 0$/],
    [
      'too many channels',
      { channels: 1025 },
      2050,
      'limit',
      /^channels: expected 1 to 1024 \(limits\.channels\), got 1025$/,
    ],
    ['a number too few', {}, 1, 'frameSize', /^frame: expected 56 bytes \(2 rows × 1 channels\), got 52$/],
    ['a number too many', {}, 3, 'frameSize', /^frame: expected 56 bytes .*, got 60$/],
    ['what would be 2^64 numbers', { rows: 65_536, channels: 1024 }, 2, 'frameSize', /got 56$/],
    ['a seq of 2^53', { seq: 2n ** 53n }, 2, 'badMessage', /^seq: expected below 2\^53/],
    ['a seq just below none', { seq: 2n ** 64n - 2n }, 2, 'badMessage', /^seq: expected below 2\^53/],
    ['a time beyond dates', { time: 8.65e15 }, 2, 'badMessage', /^time: expected .*, got 8650000000000000$/],
    ['an infinite time', { time: Number.NEGATIVE_INFINITY }, 2, 'badMessage', /^time: .*got -Infinity$/],
    ['a period of 0', { period: 0 }, 2, 'badMessage', /^period: expected .*, got 0$/],
    ['a negative period', { period: -1 }, 2, 'badMessage', /^period: /],
    ['an infinite period', { period: Number.POSITIVE_INFINITY }, 2, 'badMessage', /^period: .*got Infinity$/],
  ])('are refused by name, with their slot: %s', (_, head, values, code, text) => {
    const error = refusal(frame(head, new Array(values).fill(1)));
    expect(error).toMatchObject({ code, slot: 3, closeCode: undefined });
    expect(error.message).toMatch(text);
    expect(error.field).toBe(error.message.split(':')[0]);
  });

  it('the last seq, time and period that are allowed', () => {
    const head = { seq: 2n ** 53n - 1n, time: -8.64e15, period: 1e12 };
    expect(codec.parseClientMessage(frame(head, [1, 2]))).toMatchObject({ seq: 2 ** 53 - 1, time: -8.64e15 });
    expect(codec.parseClientMessage(frame({ period: 1e-6 }, [1, 2]))).toMatchObject({ period: 1e-6 });
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /expected a head of 48 bytes, got 0 bytes/],
    ['a head cut short', frame({}).subarray(0, 47), /got 47 bytes/],
    ['a frame of trends', frame({ type: 2 }, [1, 2]), /^frame type: expected 1 \(samples\), got 2$/],
    ['another type', frame({ type: 0 }, [1, 2]), /got 0$/],
    ['a longer head', frame({ head: 7 }, [1, 2]), /^head bytes \/ 8: expected 6, got 7$/],
    ['no head', frame({ head: 0 }, [1, 2]), /got 0$/],
    [
      'more than a message may be',
      new Uint8Array(2 ** 20 + 1),
      /at most 1048576 bytes \(limits\.messageBytes\), got 1048577/,
    ],
  ])('end the connection where not even the slot can be trusted: %s', (_, bytes, text) => {
    const error = refusal(bytes);
    expect(error).toMatchObject({ code: 'badMessage', closeCode: 4500, slot: undefined });
    expect(error.message).toMatch(text);
  });

  it('are not text in this subprotocol', () => {
    const text = '{"type":"samples","slot":3,"values":[[1]]}';
    expect(() => codec.parseClientMessage(text)).toThrow(/expected samples as a binary frame/);
    expect(codec.parseClientMessage('{"type":"streams","id":1}')).toEqual({ type: 'streams', id: 1 });
  });
});

describe('trends', () => {
  const frames = shape.chain(({ rows, channels }) => {
    const some = planeOf(rows, channels);
    return fc.record<TrendRows>(
      {
        seq,
        rows: fc.constant(rows),
        channels: fc.constant(channels),
        time,
        period,
        times: fc.array(time, { minLength: rows, maxLength: rows }).map((t) => Float64Array.from(t)),
        stride: fc.integer({ min: 2, max: 2 ** 32 - 1 }),
        trend: some,
        raw: some,
        coverage: some,
        recomputed: fc.constant(true),
      },
      { requiredKeys: ['seq', 'rows', 'channels', 'time', 'period'] },
    );
  });

  it('are what Buffer writes, and are read back at any alignment, with all of their optional parts', () => {
    const slots = fc.nat({ max: 2 ** 32 - 1 });
    fc.assert(
      fc.property(frames, slots, fc.boolean(), fc.boolean(), offset, (rows, slot, replay, afterGap, by) => {
        const flag = (on: unknown, bit: number): number => (on ? bit : 0);
        const flags =
          flag(rows.raw, 1) |
          flag(rows.coverage, 2) |
          flag(replay, 4) |
          flag(afterGap, 8) |
          flag(rows.recomputed, 16) |
          flag(rows.times, 32);
        const head = { ...rows, type: 2, flags, slot, seq: BigInt(rows.seq) };
        const planes = [rows.trend, rows.raw, rows.coverage].flatMap((plane) => [...(plane ?? [])]);
        const expected = frame(head, planes, [...(rows.times ?? [])]);
        const bytes = trendMessage(codec, slot, rows, { replay, afterGap }) as Uint8Array;
        expect(Buffer.compare(bytes, expected)).toBe(0);
        const marks = { ...(replay && { replay }), ...(afterGap && { afterGap }) };
        const decoded = binaryClientCodec.decodeServerMessage(shifted(bytes, by));
        expect(decoded).toEqual({ type: 'trend', slot, ...marks, ...rows });
      }),
    );
  });

  it('planes are views of the message where it lies aligned', () => {
    const bytes = new Uint8Array(frame({ type: 2, rows: 2 }, [1, 2]));
    const { trend } = binaryClientCodec.decodeServerMessage(bytes) as TrendFrame;
    expect(trend!.buffer).toBe(bytes.buffer);
  });

  it('a longer head, of a later version, is skipped', () => {
    const now = frame({ type: 2, rows: 1, head: 7 }, [5]);
    const later = Buffer.concat([now.subarray(0, 48), Buffer.alloc(8, 0xff), now.subarray(48)]);
    expect(binaryClientCodec.decodeServerMessage(later)).toMatchObject({ trend: Float32Array.of(5) });
  });

  it.each([
    ['too short for a head', frame({ type: 2 }).subarray(0, 40)],
    ['of another type', frame({ type: 1 }, [1, 2])],
    ['with less than it says', frame({ type: 2, flags: 1, rows: 2 }, [1])],
    ['without its times', frame({ type: 2, flags: 32, rows: 4 }, [1])],
  ])('a frame %s is no message to a client', (_, bytes) => {
    expect(() => binaryClientCodec.decodeServerMessage(bytes)).toThrow(/expected a frame of trends/);
  });
});
