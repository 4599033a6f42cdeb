import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { snappyUncompress } from 'hyparquet';
import { describe, expect, test } from 'vitest';
import { boundedSnappy } from '../../src/train/parquetBounds.ts';
import { type ReadOptions, readRecording } from '../../src/train/readRecording.ts';
import { temporaryFolder } from '../support/models.ts';

/** Written by fixtures/tables/make.py with pyarrow: the same data in each format. */
const table = (name: string) => join(import.meta.dirname, 'fixtures/tables', name);

async function fileOf(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(await temporaryFolder(), name);
  writeFileSync(path, content);
  return path;
}

describe('the same recording in every format', () => {
  test.each([
    ['recording.ndjson', ['mode']],
    ['recording.parquet', ['mode', 'pair', 'raw', 'clock']],
    ['plain.parquet', ['mode']],
  ])('%s is read as the CSV is', async (name, leftOut) => {
    const expected = await readRecording(table('recording.csv'));
    const found = await readRecording(table(name));
    expect(found.channels).toEqual(['level', 'count', 'gain', 'small']);
    expect(found.values).toEqual(expected.values);
    expect(found.seqs).toEqual(expected.seqs);
    expect(found.times).toEqual(expected.times);
    expect(found.rate).toBe(expected.rate);
    expect(found.leftOut).toEqual(leftOut);
    expect(found.sha256).toBe(
      createHash('sha256')
        .update(readFileSync(table(name)))
        .digest('hex'),
    );
  });

  test('and the CSV holds what the script says: 32 Hz, two samples lost, two missing', async () => {
    const { rate, length, seqs, values, channels } = await readRecording(table('recording.csv'));
    expect(channels).toEqual(['level', 'count', 'gain', 'small']);
    expect(rate).toBeCloseTo(32, 9);
    expect(length).toBe(48);
    expect(seqs[20]).toBe(22);
    const missing = [...values[0]!].flatMap((value, n) => (Number.isNaN(value) ? [n] : []));
    expect(missing).toEqual([5, 7, 20, 21]);
    expect(values[1]![46]).toBe(1_000_000_007 + 46 ** 2);
  });

  test('columns, rate and offset mean the same', async () => {
    const options: ReadOptions = { columns: ['small', 'level'], rate: 10, offset: 'first' };
    const expected = await readRecording(table('recording.csv'), options);
    for (const name of ['recording.ndjson', 'recording.parquet']) {
      const { values, offsets, times } = await readRecording(table(name), options);
      expect({ values, offsets, times }).toEqual({
        values: expected.values,
        offsets: expected.offsets,
        times: expected.times,
      });
    }
  });
});

test('NDJSON: blank lines, CRLF, a byte order mark, a line separator in a text, characters cut by a block', async () => {
  const filler = 'µ'.repeat(40_000);
  const lines = ['{"t":0,"a":1}', '', `{"t":1,"note":"x\u2028y","a":2}`, `{"a":3,"note":"x${filler}","t":2}`];
  const path = await fileOf('a.jsonl', `\uFEFF${lines.join('\r\n')}`);
  const { channels, leftOut, values, rate } = await readRecording(path, { time: 't' });
  expect({ channels, leftOut, rate }).toEqual({ channels: ['a'], leftOut: ['note'], rate: 1 });
  expect([...values[0]!]).toEqual([1, 2, 3]);
});

describe('bad input', () => {
  const good = '{"time":0,"a":1}\n{"time":1,"a":2}\n';
  const cases: [
    name: string,
    content: string | Uint8Array,
    options: ReadOptions,
    code: string,
    message: RegExp,
  ][] = [
    [
      'no JSON',
      `${good}\n{"time":2,"a":\n`,
      {},
      'ndjsonLine',
      /ndjson, line 4: expected one JSON object, got \{"time":2/,
    ],
    ['an array', `${good}[2,3]\n`, {}, 'ndjsonLine', /line 3: expected one JSON object, got \[2,3\]/],
    ['null', `${good}null`, {}, 'ndjsonLine', /line 3: expected one JSON object, got null/],
    [
      'one endless line',
      `[${'1,'.repeat(600_000)}1]`,
      {},
      'ndjsonLine',
      /line 1: .*more than 1048576 characters/,
    ],
    ['bytes that are no UTF-8', Buffer.from([123, 255, 10]), {}, 'ndjsonEncoding', /expected UTF-8/],
    ['an empty file', '', {}, 'fileEmpty', /one JSON object a line/],
    ['objects without keys', '{}\n{}\n', {}, 'fileEmpty', /none with a key/],
    ['one row', '{"time":0,"a":1}', {}, 'tooFewRows', /at least 2 rows of samples, got 1/],
    ['an object without time', `${good}{"a":3}\n`, {}, 'timeValue', /line 3: expected a time .* got ""/],
    ['time backwards', `${good}{"time":-9,"a":3}\n`, {}, 'timeBackwards', /line 3: .*backwards/],
    [
      'text asked for',
      `${good}{"time":2,"a":"calm"}`,
      { columns: ['a'] },
      'textColumn',
      /line 3, column "a": .*"calm"/,
    ],
    [
      'an object asked for',
      `${good}{"time":2,"a":{}}`,
      { columns: ['a'] },
      'textColumn',
      /line 3, column "a": .*"\{\}"/,
    ],
    ['an unknown column', good, { columns: ['b'] }, 'unknownColumn', /no column "b"/],
  ];
  test.each(cases)('NDJSON: %s', async (_name, content, options, code, message) => {
    const path = await fileOf('bad.ndjson', content);
    await expect(readRecording(path, options)).rejects.toMatchObject({
      name: 'FirtrendError',
      code,
      message: expect.stringMatching(message),
    });
  });

  test.each([
    [
      'a compression that is not read',
      'gzip.parquet',
      {},
      'parquetCodec',
      /"timestamp": expected no compression or SNAPPY, got GZIP/,
    ],
    [
      'nested values asked for',
      'recording.parquet',
      { columns: ['pair'] },
      'textColumn',
      /row 1, column "pair": .*nested values/,
    ],
    [
      'a time of day as time',
      'recording.parquet',
      { time: 'clock' },
      'timeValue',
      /row 1: expected a time .*times of day/,
    ],
    ['an unknown column', 'plain.parquet', { columns: ['levle'] }, 'unknownColumn', /did you mean level/],
  ] as const)('Parquet: %s', async (_name, file, options, code, message) => {
    await expect(readRecording(table(file), options)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test.each([
    ['empty', 0],
    ['too short', 6],
    ['cut', 2000],
  ])('Parquet: a file that is %s', async (_name, bytes) => {
    const path = await fileOf('bad.parquet', readFileSync(table('recording.parquet')).subarray(0, bytes));
    await expect(readRecording(path)).rejects.toMatchObject({
      code: 'parquetUnreadable',
      message: expect.stringMatching(/bad\.parquet: expected a Parquet file/),
    });
  });

  test('Parquet: forged counts in the footer are an error that says so, before anything is allocated', async () => {
    const whole = readFileSync(table('plain.parquet'));
    const footer = whole.length - 8 - whole.readUInt32LE(whole.length - 8);
    // Thrift's compact protocol: 0x16 is an i64, the field after the one before; then zigzag and varint.
    const rows = Buffer.from([0x16, 2 * 46]);
    const places = [...whole.keys()].filter((at) => at >= footer && whole.subarray(at, at + 2).equals(rows));
    expect(places.length).toBeGreaterThan(5);
    const forged = async (at: readonly number[]) => {
      const huge = Buffer.from([0x16, 0x80, 0x88, 0xde, 0xbe, 0x01]); // 200 million
      const pieces = whole.subarray(footer, whole.length - 8);
      let end = 0;
      const changed = Buffer.concat([
        ...at.flatMap((place) => {
          const before = pieces.subarray(end, place - footer);
          end = place - footer + 2;
          return [before, huge];
        }),
        pieces.subarray(end),
      ]);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(changed.length);
      const path = await fileOf(
        'forged.parquet',
        Buffer.concat([whole.subarray(0, footer), changed, length, Buffer.from('PAR1')]),
      );
      return readRecording(path).then(
        () => 'read',
        (error: Error) => error.message,
      );
    };
    const before = process.resourceUsage().maxRSS;
    const messages = [await forged(places), ...(await Promise.all(places.map((at) => forged([at]))))];
    expect(messages[0]).toMatch(
      /forged\.parquet: expected a Parquet file: row group 1: expected at most \d+ rows in a file of \d+ bytes, got 200000000$/,
    );
    expect(messages).toContainEqual(
      expect.stringMatching(/column "level": expected 46 values, one a row, got 200000000/),
    );
    expect(messages).toContainEqual(expect.stringMatching(/expected 200000000 rows in all, got 46/));
    expect((process.resourceUsage().maxRSS - before) / 1024).toBeLessThan(200);
  });

  test('Parquet: a page that says it unpacks to more than Snappy can is refused', () => {
    const unpack = boundedSnappy(snappyUncompress);
    expect(() => unpack(new Uint8Array(100), 2 ** 30)).toThrow(/at most 2200 bytes from 100/);
    // 64 a's by one literal and one copy, as the format's description has it.
    const packed = new Uint8Array([64, 0, 97, ((63 - 1) << 2) | 2, 1, 0]);
    expect(unpack(packed, 64)).toEqual(new Uint8Array(64).fill(97));
  });

  test('Parquet: flipped bits are an error or other numbers, never a hang or a crash', async () => {
    const bytes = readFileSync(table('recording.parquet'));
    for (let at = 7; at < bytes.length; at += 397) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 16;
      const path = await fileOf('flipped.parquet', flipped);
      const outcome = await readRecording(path).catch((error: unknown) => error);
      if (outcome instanceof Error) expect(outcome).toMatchObject({ name: 'FirtrendError' });
    }
  });

  test.each(['gone.ndjson', 'gone.parquet'])('a file that is not there: %s', async (name) => {
    await expect(readRecording(`/no/such/${name}`)).rejects.toMatchObject({ code: 'fileUnreadable' });
  });
});
