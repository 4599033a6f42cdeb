import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SamplesMessage } from '../../src/wire/clientMessages.ts';
import { jsonClientCodec } from '../../src/wire/jsonClientCodec.ts';
import type { TrendFrame, TrendRows } from '../../src/wire/serverMessages.ts';
import { serverCodecs, trendMessage } from '../support/codecs.ts';
import { planesOf } from '../support/planes.ts';

const jsonServerCodec = serverCodecs['firtrend.v1.json'];

/** Any finite float32 bits, or a missing value. */
const float32 = fc.oneof(
  fc.constant(Number.NaN),
  fc.constant(-0),
  fc.float({ noNaN: true, noDefaultInfinity: true }),
);

const shape = fc.record({ rows: fc.integer({ min: 1, max: 12 }), channels: fc.integer({ min: 1, max: 5 }) });

function plane(rows: number, channels: number): fc.Arbitrary<Float32Array> {
  const minLength = rows * channels;
  return fc.array(float32, { minLength, maxLength: minLength }).map((values) => Float32Array.from(values));
}

const seq = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const time = fc.double({ min: -8.64e15, max: 8.64e15, noNaN: true });
const period = fc.double({ min: 1e-6, max: 1e9, noNaN: true });

describe('firtrend.v1.json', () => {
  it('carries samples bit for bit', () => {
    const frames = shape.chain(({ rows, channels }) =>
      fc.record({
        slot: fc.nat(),
        seq,
        time,
        period,
        planes: plane(rows, channels),
        rows: fc.constant(rows),
      }),
    );
    fc.assert(
      fc.property(frames, (frame) => {
        const message = jsonServerCodec.parseClientMessage(
          jsonClientCodec.encodeSamples(frame),
        ) as SamplesMessage;
        const { type, channels, overflow, values: _, ...head } = message;
        const same = { ...head, planes: planesOf(message) };
        expect(type).toBe('samples');
        expect(overflow).toBe(0);
        expect(channels).toBe(frame.planes.length / frame.rows);
        expect(same).toEqual({ ...frame, time: frame.time === 0 ? 0 : frame.time });
      }),
    );
  });

  it('carries trends bit for bit, all of their optional parts too', () => {
    const frames = shape.chain(({ rows, channels }) => {
      const some = plane(rows, channels);
      return fc.record<TrendRows>(
        {
          seq,
          rows: fc.constant(rows),
          channels: fc.constant(channels),
          time: time.map((t) => (t === 0 ? 0 : t)),
          period,
          times: fc
            .array(fc.nat(), { minLength: rows, maxLength: rows })
            .map((times) => Float64Array.from(times)),
          stride: fc.integer({ min: 2, max: 2 ** 32 - 1 }),
          trend: some,
          raw: some,
          coverage: some,
          recomputed: fc.constant(true),
        },
        { requiredKeys: ['seq', 'rows', 'channels', 'time', 'period'] },
      );
    });
    fc.assert(
      fc.property(frames, fc.nat(), fc.boolean(), fc.boolean(), (rows, slot, replay, afterGap) => {
        const message = trendMessage(jsonServerCodec, slot, rows, { replay, afterGap });
        const marks = { ...(replay && { replay }), ...(afterGap && { afterGap }) };
        expect(jsonClientCodec.decodeServerMessage(message)).toEqual({
          type: 'trend',
          slot,
          ...marks,
          ...rows,
        });
      }),
    );
  });

  it('encodes a frame once for all slots, and leaves out what is off', () => {
    const { head, body } = jsonServerCodec.encodeTrend({
      seq: 0,
      rows: 2,
      channels: 1,
      time: 1000,
      period: 15.625,
      stride: 1,
      trend: Float32Array.of(0.1, Number.NaN),
    });
    const text = new TextDecoder();
    expect(body.map((part) => text.decode(part))).toEqual([
      ',"seq":0,"time":1000,"period":15.625,"trend":[[0.1,null]]}',
    ]);
    const plain = { replay: false, afterGap: false };
    expect(text.decode(head(1, plain))).toBe('{"type":"trend","slot":1');
    expect(text.decode(head(2, plain))).toBe('{"type":"trend","slot":2');
  });

  it('keeps fields and types it does not know for the client to ignore', () => {
    const text = '{"type":"trend","slot":1,"seq":5,"time":0,"period":1,"trend":[[1]],"colour":"red"}';
    const frame = jsonClientCodec.decodeServerMessage(text) as TrendFrame;
    expect(frame).toMatchObject({ rows: 1, channels: 1 });
    expect(jsonClientCodec.decodeServerMessage('{"type":"tomorrow"}')).toEqual({ type: 'tomorrow' });
  });

  it.each(['', '{', '[]', '1', 'null', '{}'])('%s is no message to a client', (text) => {
    expect(() => jsonClientCodec.decodeServerMessage(text)).toThrow(/^message: expected/);
  });

  it('bytes are no message of this subprotocol', () => {
    expect(() => jsonClientCodec.decodeServerMessage(new Uint8Array(4))).toThrow(/expected text/);
  });
});
