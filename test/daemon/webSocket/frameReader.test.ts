import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as ws from 'ws';
import { frameReader } from '../../../src/daemon/webSocket/frameReader.ts';

/** A frame as `ws` sends it: the other implementation that ours is held against. */
function frame(
  opcode: number,
  payload: Uint8Array | string,
  options: { fin?: boolean; mask?: boolean } = {},
): Buffer {
  const data = Buffer.from(payload);
  // Its types leave it out.
  const { Sender } = ws as unknown as { Sender: { frame(data: Buffer, options: object): Buffer[] } };
  return Buffer.concat(
    Sender.frame(data, { opcode, fin: true, mask: true, readOnly: true, rsv1: false, ...options }),
  );
}

type Event = readonly [kind: string, ...what: unknown[]];

/** Reads chunks, each time in memory of its own, and says what came of them. */
function readAll(chunks: readonly Uint8Array[], maxMessage = 2 ** 20): Event[] {
  const events: Event[] = [];
  const reader = frameReader(maxMessage, {
    message: (data, isBinary) =>
      events.push(isBinary ? ['binary', data.toString('hex')] : ['text', data.toString()]),
    ping: (payload) => events.push(['ping', payload.toString('hex')]),
    pong: () => events.push(['pong']),
    close: (code, reason) => events.push(['close', code, reason]),
    broken: (code, reason) => events.push(['broken', code, reason]),
  });
  for (const chunk of chunks) reader.push(Buffer.from(chunk));
  return events;
}

/** Cuts bytes at the places given as parts of their length. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [...places.map((place) => Math.floor(place * bytes.length)), 0, bytes.length].sort(
    (a, b) => a - b,
  );
  return at.slice(1).map((to, i) => bytes.subarray(at[i], to));
}

const part = fc.double({ min: 0, max: 1, noNaN: true });
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.integer({ min: 100, max: 140 }).map((n) => new Uint8Array(n).map((_, i) => i)),
  fc.integer({ min: 65_500, max: 65_600 }).map((n) => new Uint8Array(n).map((_, i) => i * 7)),
);
/** A message in fragments, with control frames between them: its frames, and what should come of them. */
const message = fc
  .record({
    binary: fc.boolean(),
    bytes,
    text: fc.string({ unit: 'grapheme' }),
    cuts: fc.array(part, { maxLength: 3 }),
    ping: fc.option(fc.uint8Array({ maxLength: 125 })),
  })
  .map(({ binary, bytes: raw, text, cuts, ping }) => {
    const payload = binary ? Buffer.from(raw) : Buffer.from(text);
    const parts = cut(payload, cuts);
    const frames = parts.map((piece, i) =>
      frame(i > 0 ? 0 : binary ? 2 : 1, piece, { fin: i === parts.length - 1 }),
    );
    const expected: Event[] = [binary ? ['binary', payload.toString('hex')] : ['text', text]];
    if (ping) {
      frames.splice(parts.length - 1, 0, frame(9, ping));
      expected.unshift(['ping', Buffer.from(ping).toString('hex')]);
    }
    return { frames: Buffer.concat(frames), expected };
  });

describe('what ws sends is read as it was meant', () => {
  it('however it is fragmented and cut', () => {
    const history = fc.array(message, { maxLength: 8 });
    fc.assert(
      fc.property(history, fc.array(part, { maxLength: 12 }), (messages, cuts) => {
        const all = Buffer.concat(messages.map(({ frames }) => frames));
        expect(readAll(cut(all, cuts))).toEqual(messages.flatMap(({ expected }) => expected));
      }),
      { numRuns: 200 },
    );
  });

  it('a byte at a time, lengths of every form', () => {
    for (const length of [0, 1, 125, 126, 127, 65_535, 65_536]) {
      const payload = Buffer.alloc(length, 'x');
      const sent = frame(1, payload);
      expect(readAll(Array.from(sent, (byte) => Uint8Array.of(byte)))).toEqual([
        ['text', payload.toString()],
      ]);
    }
  });

  it('stops in the middle of what has arrived when it is paused, and goes on there', () => {
    const events: string[] = [];
    const reader = frameReader(1000, {
      message(data) {
        events.push(data.toString());
        if (data.toString() === 'stop') reader.pause();
      },
      ping: () => undefined,
      pong: () => undefined,
      close: () => undefined,
      broken: () => undefined,
    });
    reader.push(Buffer.concat(['a', 'stop', 'b', 'stop', 'c'].map((text) => frame(1, text))));
    expect(events).toEqual(['a', 'stop']);
    reader.push(frame(1, 'd'));
    expect(events).toEqual(['a', 'stop']);
    reader.resume();
    expect(events).toEqual(['a', 'stop', 'b', 'stop']);
    reader.resume();
    expect(events).toEqual(['a', 'stop', 'b', 'stop', 'c', 'd']);
  });
});

describe('a close', () => {
  const closing = (code: number, reason = ''): Buffer => {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    return frame(8, Buffer.concat([payload, Buffer.from(reason)]));
  };

  it('is told with its code and reason, and nothing after it', () => {
    expect(readAll([closing(4000, 'bye'), frame(1, 'more')])).toEqual([['close', 4000, 'bye']]);
    expect(readAll([frame(8, '')])).toEqual([['close', 1005, '']]);
  });

  it.each([1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999])('may have the code %i', (code) => {
    expect(readAll([closing(code)])).toEqual([['close', code, '']]);
  });

  it.each([0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535])('may not have the code %i', (code) => {
    expect(readAll([closing(code)])).toMatchObject([['broken', 1002, `the close code ${code}`]]);
  });

  it('of one byte, or with a reason that is not UTF-8, is broken', () => {
    expect(readAll([frame(8, 'x')])).toMatchObject([['broken', 1002, expect.any(String)]]);
    expect(readAll([frame(8, Buffer.from([3, 232, 0xc0, 0xaf]))])).toMatchObject([
      ['broken', 1007, expect.any(String)],
    ]);
  });
});

describe('what breaks the protocol ends it with its code, and nothing after it is read', () => {
  const reserved = (bit: number): Buffer => {
    const sent = frame(1, 'x');
    sent[0]! |= bit;
    return sent;
  };
  it.each<[string, Buffer[], number]>([
    ['a frame that is not masked', [frame(1, 'x', { mask: false })], 1002],
    ['RSV1', [reserved(0x40)], 1002],
    ['RSV2', [reserved(0x20)], 1002],
    ['RSV3', [reserved(0x10)], 1002],
    ['opcode 3', [frame(3, 'x')], 1002],
    ['opcode 7', [frame(7, 'x')], 1002],
    ['opcode 11', [frame(11, 'x')], 1002],
    ['opcode 15', [frame(15, 'x')], 1002],
    ['a ping in fragments', [frame(9, 'x', { fin: false })], 1002],
    ['a ping of 126 bytes', [frame(9, Buffer.alloc(126))], 1002],
    ['a continuation of nothing', [frame(0, 'x')], 1002],
    ['a message within another', [frame(1, 'x', { fin: false }), frame(2, 'y')], 1002],
    ['text that is not UTF-8', [frame(1, Buffer.from([0xed, 0xa0, 0x80]))], 1007],
    ['a character cut off', [frame(1, Buffer.from('ü').subarray(0, 1))], 1007],
    [
      'fragments that are not UTF-8 together',
      [frame(1, 'x', { fin: false }), frame(0, Buffer.from([0xff]))],
      1007,
    ],
    ['a message over the limit', [frame(2, Buffer.alloc(101))], 1009],
    [
      'fragments over the limit',
      [frame(2, Buffer.alloc(60), { fin: false }), frame(0, Buffer.alloc(41))],
      1009,
    ],
  ])('%s', (_, frames, code) => {
    const events = readAll([...frames, frame(1, 'more')], 100);
    expect(events).toHaveLength(1);
    expect(events[0]!.slice(0, 2)).toEqual(['broken', code]);
  });

  it('a length is refused before its bytes come, also one beyond all memory', () => {
    const head = Buffer.from([0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    expect(readAll([head])).toMatchObject([['broken', 1009, expect.any(String)]]);
  });

  it('at the limit is not over it', () => {
    const fragments = [frame(2, Buffer.alloc(60), { fin: false }), frame(0, Buffer.alloc(40))];
    expect(readAll([frame(2, Buffer.alloc(100)), ...fragments], 100).map(([kind]) => kind)).toEqual([
      'binary',
      'binary',
    ]);
  });
});

it('a character may be cut between two fragments', () => {
  const text = Buffer.from('über');
  const events = readAll([frame(1, text.subarray(0, 1), { fin: false }), frame(0, text.subarray(1))]);
  expect(events).toEqual([['text', 'über']]);
});
