import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SamplesMessage } from '../../src/wire/clientMessages.ts';
import type { WireData } from '../../src/wire/codec.ts';
import { limits } from '../../src/wire/limits.ts';
import { parseClientMessage as parse } from '../../src/wire/parseClientMessage.ts';
import { WireError } from '../../src/wire/wireError.ts';
import { planesOf } from '../support/planes.ts';

const parseClientMessage = (data: WireData) => parse(data, limits);

function refusal(message: unknown): WireError {
  try {
    parseClientMessage(typeof message === 'string' ? message : JSON.stringify(message));
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
  throw new Error(`was not refused: ${JSON.stringify(message)}`);
}

const open = { type: 'open', id: 1, stream: 'lab/imu', channels: [{ name: 'x' }], rate: 64 };
const subscribe = { type: 'subscribe', id: 2, streams: ['**'] };
const samples = { type: 'samples', slot: 3, values: [[1, null]] };

describe('control messages', () => {
  it('fills in what may be left out', () => {
    expect(parseClientMessage(JSON.stringify(open))).toEqual({
      ...open,
      channels: [{ name: 'x', offset: 0 }],
    });
    expect(parseClientMessage(JSON.stringify(subscribe))).toEqual({
      ...subscribe,
      fields: ['trend'],
      mode: 'lossless',
      every: 1,
      start: 'live',
    });
  });

  const epoch = '0123456789abcdef';
  it.each([
    [{ ...open, rate: 0 }, 'rate', /^rate: expected samples per second, 1e-9 to 1000000000, got 0$/],
    [{ ...open, rate: undefined }, 'rate', /got nothing$/],
    [{ ...open, stream: '../etc' }, 'stream', /stream: expected a stream name.*got "\.\.\/etc"$/],
    [{ ...open, stream: 7 }, 'stream', /got 7$/],
    [{ ...open, channels: [] }, 'channels', /expected one or more channels, got an array of 0/],
    [{ ...open, channels: [{ name: 'x' }, { name: 'x' }] }, 'channels', /names all differ/],
    [{ ...open, channels: [{ name: 'x' }, { name: '' }] }, 'channels[1].name', /1 to 128 characters.*got ""/],
    [{ ...open, channels: [{ name: 'x', scale: 2 }] }, 'channels[0].scale', /no such field here/],
    [{ ...open, epoch: 'ABC' }, 'epoch', /16 hexadecimal digits.*got "ABC"/],
    [{ ...open, epoch, nextSeq: 2 ** 53 }, 'nextSeq', /from 0 to 9007199254740991, got 9007199254740992/],
    [{ ...open, nextSeq: 5 }, 'epoch', /the epoch that nextSeq belongs to, got nothing/],
    [{ ...open, takeover: 'yes' }, 'takeover', /true or false, got "yes"/],
    [{ ...open, colour: 'red' }, 'colour', /^colour: expected no such field here, got one$/],
    [
      JSON.stringify(open).replace('"rate"', '"__proto__":{"rate":1},"rate"'),
      '__proto__',
      /no such field here/,
    ],
    [{ ...subscribe, streams: ['a*'] }, 'streams[0]', /a pattern.*got "a\*"/],
    [{ ...subscribe, streams: 'a' }, 'streams', /1 to 64 patterns, got "a"/],
    [{ ...subscribe, fields: ['trend', 'trend'] }, 'fields', /each once/],
    [{ ...subscribe, fields: ['slope'] }, 'fields[0]', /"trend", "raw" or "coverage", got "slope"/],
    [{ ...subscribe, mode: 'fast' }, 'mode', /"lossless" or "latest", got "fast"/],
    [{ ...subscribe, every: 0 }, 'every', /from 1 to 4294967295, got 0/],
    [{ ...subscribe, every: 1.5 }, 'every', /got 1\.5/],
    [{ ...subscribe, minPeriod: 10 }, 'minPeriod', /mode "latest"/],
    [{ ...subscribe, mode: 'latest', start: { seconds: 1 } }, 'start', /"live" in mode "latest"/],
    [{ ...subscribe, start: 'oldest' }, 'start', /"live", \{"seconds": n\} or.*got "oldest"/],
    [{ ...subscribe, start: { seconds: -1 } }, 'start.seconds', /above 0, got -1/],
    [{ ...subscribe, start: { positions: { a: { epoch } } } }, 'start.positions.a.seq', /got nothing/],
    [{ ...subscribe, start: { positions: { a: 4 } } }, 'start.positions.a', /\{epoch, seq\}, got 4/],
    [{ ...subscribe, start: { positions: { '/': { epoch, seq: 1 } } } }, 'start.positions', /got "\/"/],
    [{ ...subscribe, start: { positions: {}, others: 'none' } }, 'start.others', /"oldest", got "none"/],
    [{ type: 'close', id: 4, slot: 2 ** 32 }, 'slot', /from 0 to 4294967295/],
    [{ type: 'unsubscribe', id: 4 }, 'subscription', /got nothing/],
    [{ type: 'streams', id: 4, pattern: '' }, 'pattern', /a pattern/],
    [{ type: 'opne', id: 4 }, 'type', /expected one of samples, auth, open.*got "opne"/],
    [{ type: 'toString', id: 4 }, 'type', /expected one of/],
  ])('%j is answered', (message, field, text) => {
    const error = refusal(message);
    expect(error).toMatchObject({ code: 'badMessage', field });
    expect(error.message).toMatch(text);
    expect(error.message).not.toContain('\n');
    expect(error.id).toBeTypeOf('number');
    expect(error.closeCode).toBeUndefined();
  });

  it.each([
    ['', /not JSON/],
    ['[1', /not JSON/],
    ['[]', /one JSON object, got an array of 0/],
    ['null', /got null/],
    [JSON.stringify({ ...open, id: undefined }), /^id: expected the number of this message.*got nothing/],
    [JSON.stringify({ ...open, id: '1' }), /^id: /],
    [JSON.stringify({ ...open, id: -1 }), /^id: /],
    [JSON.stringify({ type: 'alive', t: '1', id: 3 }), /^t: /],
    [JSON.stringify({ type: 'samples', values: [[1]] }), /^slot: /],
    ['['.repeat(500_000), /nested at most 8 deep/],
    [`{"type":"open","id":1,"stream":${'['.repeat(8)}${']'.repeat(8)}}`, /nested at most 8 deep/],
  ])('%.40s ends the connection with 4500', (text, expected) => {
    const error = refusal(text);
    expect(error).toMatchObject({ code: 'badMessage', closeCode: 4500, id: undefined });
    expect(error.message).toMatch(expected);
  });

  it('binary is not taken', () => {
    expect(() => parseClientMessage(new Uint8Array(3))).toThrow(/expected text.*got 3 bytes/);
  });

  it('knows the limits to the byte', () => {
    const padded = (bytes: number, fill: string) => {
      const empty = JSON.stringify({ type: 'streams', id: 1, pattern: '' });
      return empty.replace('""', `"${fill.repeat((bytes - empty.length) / Buffer.byteLength(fill))}"`);
    };
    const most = 65_536;
    const even = most - (Buffer.byteLength(padded(most, 'ä')) === most ? 0 : 1);
    expect(refusal(padded(even, 'ä'))).toMatchObject({ code: 'badMessage', field: 'pattern' });
    expect(refusal(padded(most, 'a'))).toMatchObject({ code: 'badMessage', field: 'pattern' });
    expect(refusal(padded(even + 2, 'ä'))).toMatchObject({ code: 'limit', id: 1 });
    expect(refusal(padded(most + 1, 'a'))).toMatchObject({ code: 'limit', id: 1 });
    expect(refusal(padded(1024 * 1024 + 1, 'a'))).toMatchObject({ code: 'limit', closeCode: 4503 });
  });

  it('never repeats a token, nor text that may hold one', () => {
    const secret = 'tok-3c1f';
    expect(refusal(`{"type":"auth","id":1,"token":"${secret}"`).message).not.toContain(secret);
    expect(refusal({ type: 'auth', id: 1, token: [secret] }).message).not.toContain(secret);
    expect(refusal({ type: 'auth', id: 1, token: secret.repeat(2000) }).message).not.toContain(secret);
  });

  it('throws nothing but WireError, whatever comes', () => {
    const shapes = fc.oneof(
      fc.json(),
      fc.string(),
      fc.record({
        type: fc.constantFrom('open', 'subscribe', 'samples', 'alive', 'auth', 'streams'),
        id: fc.oneof(fc.nat(), fc.jsonValue()),
        slot: fc.oneof(fc.nat(), fc.jsonValue()),
        values: fc.oneof(fc.array(fc.array(fc.oneof(fc.float(), fc.jsonValue()))), fc.jsonValue()),
        start: fc.jsonValue(),
        channels: fc.jsonValue(),
        streams: fc.jsonValue(),
      }),
    );
    fc.assert(
      fc.property(shapes, (shape) => {
        try {
          parseClientMessage(typeof shape === 'string' ? shape : JSON.stringify(shape));
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
          const { id, slot, closeCode } = error as WireError;
          expect([id, slot, closeCode].filter((way) => way !== undefined)).toHaveLength(1);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('samples', () => {
  it('become planes; what is beyond float32 is missing and counted', () => {
    const text =
      '{"type":"samples","slot":3,"seq":7,"values":[[1,null,1e39],[-0,3.4028234663852886e38,-1e999]]}';
    const message = parseClientMessage(text) as SamplesMessage;
    expect(message).toMatchObject({ slot: 3, seq: 7, rows: 3, channels: 2, overflow: 2 });
    expect(planesOf(message)).toEqual(
      new Float32Array([1, Number.NaN, Number.NaN, -0, 3.4028234663852886e38, Number.NaN]),
    );
  });

  it.each([
    [{ ...samples, values: [] }, 'frameSize', 'values', /1 to 1024 channels, got 0/],
    [{ ...samples, values: [[]] }, 'frameSize', 'values[0]', /1 to 65536 rows, got 0/],
    [{ ...samples, values: [[1, 2], [1]] }, 'frameSize', 'values[1]', /2 rows as in values\[0\], got an/],
    [
      { ...samples, values: Array(1025).fill([1]) },
      'limit',
      'values',
      /1 to 1024 channels \(limits\.channels\), got 1025/,
    ],
    [
      { ...samples, values: [Array(65_537).fill(1)] },
      'limit',
      'values[0]',
      /65536 rows \(limits\.rows\), got 65537/,
    ],
    [{ ...samples, values: [[1, 'NaN']] }, 'badMessage', 'values[0][1]', /a number or null, got "NaN"/],
    [{ ...samples, values: [[1, [2]]] }, 'badMessage', 'values[0][1]', /got an array of 1/],
    [{ ...samples, values: [1, 2] }, 'badMessage', 'values[0]', /array of numbers and nulls, got 1/],
    [{ ...samples, values: undefined }, 'badMessage', 'values', /one array per channel, got nothing/],
    [
      { ...samples, period: 0 },
      'badMessage',
      'period',
      /period: expected milliseconds between rows, .* got 0/,
    ],
    [{ ...samples, seq: -1 }, 'badMessage', 'seq', /got -1/],
    [{ ...samples, id: 1 }, 'badMessage', 'id', /no such field/],
  ])('%.60j is answered by its slot', (message, code, field, text) => {
    const error = refusal(message);
    expect(error).toMatchObject({ code, field, slot: 3, id: undefined, closeCode: undefined });
    expect(error.message).toMatch(text);
  });
});
