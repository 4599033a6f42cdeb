import { randomFrom } from '../filter/support.ts';
import { binarySamples } from '../support/rawFrames.ts';

/**
 * Bytes that a client may send, from a seed: whole WebSocket frames, masked, with anything in them; now and then not even
 * that. Three clients of four are nearly tame, for whoever is thrown out at once never gets anywhere.
 */
export interface Hostile {
  next(): Buffer;
}

const epoch = '0123456789abcdef';
const valid = {
  json: [
    { type: 'auth', id: 1, token: 'x' },
    {
      type: 'open',
      id: 1,
      stream: 's/1',
      channels: [{ name: 'x' }, { name: 'y', unit: 'm', offset: 5 }],
      rate: 10,
    },
    {
      type: 'open',
      id: 1,
      stream: 's/2',
      channels: [{ name: 'x' }],
      rate: 64,
      producer: 'p',
      takeover: true,
    },
    { type: 'open', id: 1, stream: 's/2', channels: [{ name: 'x' }], rate: 64, epoch, nextSeq: 7 },
    {
      type: 'samples',
      slot: 0,
      seq: 0,
      time: 1e12,
      period: 10,
      values: [
        [1, null, 3],
        [4, 5, 6],
      ],
    },
    { type: 'samples', slot: 1, values: [[1]] },
    { type: 'close', id: 1, slot: 0 },
    { type: 'subscribe', id: 1, streams: ['**'], fields: ['trend', 'raw', 'coverage'], every: 2 },
    { type: 'subscribe', id: 1, streams: ['s/*'], mode: 'latest', minPeriod: 5 },
    {
      type: 'subscribe',
      id: 1,
      streams: ['s/1'],
      start: { positions: { 's/1': { epoch, seq: 3 } }, others: 'oldest' },
    },
    { type: 'subscribe', id: 1, streams: ['**'], channels: ['y'] },
    { type: 'unsubscribe', id: 1, subscription: 3 },
    { type: 'streams', id: 1, pattern: 's/*' },
    { type: 'alive', t: 5 },
    { type: 'alive', t: 5, echo: 4 },
  ],
  numbers: [0, -1, -0, 1.5, 1e308, 2 ** 32, 2 ** 53, 2 ** 53 + 2, 65_537, Number.MIN_VALUE],
  others: [
    null,
    true,
    '',
    'x'.repeat(200),
    [],
    {},
    [[]],
    [null],
    '__proto__',
    '../../etc',
    's/1\u0000',
    '\ud800',
  ],
} as const;

export function hostile(seed: number, binary: boolean): Hostile {
  const random = randomFrom(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const oneOf = <T>(all: readonly T[]): T => all[below(all.length)]!;
  const wild = seed % 4 === 0 ? 1 : 0.08;
  let id = 0;

  /** A valid message, its id mostly one that grows, its slots mostly small. */
  function message(): Record<string, unknown> {
    const chosen = structuredClone(oneOf(valid.json)) as Record<string, unknown>;
    if ('id' in chosen) chosen.id = random() < 0.05 * wild ? below(id + 2) : ++id;
    if ('slot' in chosen) chosen.slot = below(4);
    if ('subscription' in chosen) chosen.subscription = below(id + 1);
    if (chosen.type === 'samples' && random() < 0.5) delete chosen.seq;
    return chosen;
  }

  /** Something somewhere in it is something else, more, less, or deeper. */
  function spoilt(value: unknown, depth = 0): unknown {
    if (typeof value !== 'object' || value === null || random() < 0.15 * depth) {
      return random() < 0.5 ? oneOf(valid.numbers) : oneOf(valid.others);
    }
    if (Array.isArray(value)) {
      const all = [...value];
      const at = below(all.length);
      const change = random();
      if (change < 0.2) all.splice(at, 1);
      else if (change < 0.4) all.push(all[at]);
      else all[at] = spoilt(all[at], depth + 1);
      return all;
    }
    const entries = Object.entries(value);
    const at = below(entries.length);
    const change = random();
    if (change < 0.2) entries.splice(at, 1);
    else if (change < 0.4) entries.push([oneOf(['colour', '__proto__', 'constructor', 'id', 'type']), 1]);
    else entries[at] = [entries[at]![0], spoilt(entries[at]![1], depth + 1)];
    return Object.fromEntries(entries);
  }

  function text(): Buffer {
    const whole = message();
    const json = JSON.stringify(random() < 0.6 * wild ? spoilt(whole) : whole) ?? '';
    if (random() > 0.1 * wild) return Buffer.from(json);
    if (random() < 0.3) return Buffer.from('['.repeat(below(3000)));
    if (random() < 0.3) return Buffer.from(json.slice(0, below(json.length)));
    return flipped(Buffer.from(json));
  }

  function flipped(bytes: Buffer): Buffer {
    for (let n = 1 + below(3); n > 0 && bytes.length > 0; n--) bytes[below(bytes.length)]! ^= 1 << below(8);
    return bytes;
  }

  function samples(): Buffer {
    const rows = 1 + below(4);
    const channels = random() < 0.9 ? 1 : 2;
    const plane = (): number[] => Array.from({ length: rows }, random);
    const frame = binarySamples({
      slot: random() < 0.7 ? 0 : below(4),
      ...(random() < 0.5 && { seq: below(400) }),
      values: Array.from({ length: channels }, plane),
    });
    if (random() > 0.6 * wild) return frame;
    if (random() < 0.2) return frame.subarray(0, below(frame.length));
    if (random() < 0.2) return Buffer.concat([frame, frame.subarray(0, 1 + below(20))]);
    if (random() < 0.3)
      frame.writeUInt32LE(oneOf([0, 1, 65_536, 65_537, 2 ** 32 - 1]), oneOf([4, 32, 36, 40, 44]));
    return flipped(frame);
  }

  function junk(): Buffer {
    return Buffer.from(Array.from({ length: below(200) }, () => below(256)));
  }

  /** Masked as a client's must be; some heads are wrong on purpose. */
  function framed(payload: Buffer, opcode: number, fin = true): Buffer {
    const { length } = payload;
    const head = length < 126 ? 2 : 4;
    const frame = Buffer.alloc(head + 4 + length);
    frame[0] = (fin ? 128 : 0) | opcode;
    frame[1] = 128 | (length < 126 ? length : 126);
    if (head === 4) frame.writeUInt16BE(length, 2);
    for (let i = 0; i < 4; i++) frame[head + i] = below(256);
    for (let i = 0; i < length; i++) frame[head + 4 + i] = payload[i]! ^ frame[head + (i & 3)]!;
    return frame;
  }

  /** More than the daemon takes: told at once in its head, or grown from fragments; or too much for a control message. */
  function huge(): Buffer {
    const kind = random();
    if (kind < 0.3) {
      const head = framed(Buffer.alloc(0), oneOf([1, 2])).subarray(0, 2);
      const length = Buffer.alloc(12);
      head[1] = 128 | 127;
      length.writeBigUInt64BE(oneOf([65_537n, 2n ** 31n, 2n ** 53n - 1n, 2n ** 63n - 1n]));
      return Buffer.concat([head, length, junk()]);
    }
    const opcode = oneOf([1, 2]);
    if (kind < 0.5) {
      const part = Buffer.alloc(16_384, ' ');
      const parts = Array.from({ length: 5 }, (_, i) => framed(part, i === 0 ? opcode : 0, i === 4));
      return Buffer.concat(parts);
    }
    const json = JSON.stringify(message());
    return framed(Buffer.from(`${' '.repeat(4097 - below(10) * 400)}${json}`), 1);
  }

  return {
    next() {
      // A tame client begins with a stream to feed.
      if (id === 0 && wild < 1) {
        const channels = [{ name: 'x' }];
        const stream = `s/${seed % 50}`;
        return framed(Buffer.from(JSON.stringify({ type: 'open', id: ++id, stream, channels, rate: 10 })), 1);
      }
      const kind = random() < wild ? random() : 0.1 + 0.9 * random();
      if (kind < 0.01) return junk();
      if (kind < 0.02) return framed(junk().subarray(0, 125), oneOf([8, 9, 10]));
      if (kind < 0.03) return flipped(framed(text(), 1));
      if (kind < 0.05) {
        const whole = text();
        const at = below(whole.length);
        const between = random() < 0.5 ? framed(Buffer.from('ping'), 9) : Buffer.alloc(0);
        return Buffer.concat([
          framed(whole.subarray(0, at), 1, false),
          between,
          framed(whole.subarray(at), 0),
        ]);
      }
      if (kind < 0.07) return framed(junk(), oneOf([1, 2]));
      if (kind < 0.08 || (wild < 1 && kind < 0.102)) return huge();
      return binary && kind < 0.6 ? framed(samples(), 2) : framed(text(), 1);
    },
  };
}
