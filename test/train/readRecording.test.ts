import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type ReadOptions, readRecording } from '../../src/train/readRecording.ts';
import { spacingWarnings } from '../../src/train/spacing.ts';
import { csvFile, gait, recordingOf } from './support.ts';

const seattle = new URL('../../recordings/seattle-weather.csv', import.meta.url).pathname;
const cycling = new URL('../../recordings/cycling.csv', import.meta.url).pathname;

describe('the shipped recordings', () => {
  test('gait: nine channels at 64 Hz, every value that of the file', async () => {
    const recording = await readRecording(gait);
    const bytes = readFileSync(gait);
    const [header, ...rows] = bytes
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => line.trimEnd().split(','));
    expect(recording.channels).toEqual(header!.slice(1));
    expect(recording.rate).toBeCloseTo(64, 2);
    expect(recording.length).toBe(7040);
    recording.values.forEach((values, c) => {
      expect([...values]).toEqual(rows.map((row) => Number(row[c + 1])));
    });
    expect([...recording.times.subarray(0, 3)]).toEqual([0, 15, 31]);
    expect(recording.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  test('seattle-weather: dates as time, the text column left out and named', async () => {
    const recording = await readRecording(seattle);
    expect(recording.channels).toEqual(['precipitation', 'temp_max', 'temp_min', 'wind']);
    expect(recording.leftOut).toEqual(['weather']);
    expect(recording.rate).toBeCloseTo(1 / 86400, 12);
    expect(recording.times[0]).toBe(Date.UTC(2012, 0, 1));
  });

  test('cycling: stamps rounded to seconds are no gaps', async () => {
    const recording = await readRecording(cycling);
    expect(recording.length).toBe(recording.seqs.length);
  });
});

describe('cells', () => {
  test('empty cells and NaN are missing, infinities and numbers beyond float32 too, and these are counted', async () => {
    const path = csvFile('time,a,b\n0,1,1e39\n1,,inf\n2,NaN,-Infinity\n3,4,-2.5e-3\n');
    const { values, overflow } = await readRecording(path);
    expect(values.map((x) => [...x])).toEqual([
      [1, Number.NaN, Number.NaN, 4],
      [Number.NaN, Number.NaN, Number.NaN, -0.0025],
    ]);
    expect(overflow).toEqual([0, 3]);
  });

  test('what R, pandas and databases write for a missing value is missing, and the column stays', async () => {
    const path = csvFile('time,a\n0,1\n1,NA\n2,n/a\n3,null\n4,5\n');
    const { channels, values } = await readRecording(path);
    expect(channels).toEqual(['a']);
    expect([...values[0]!]).toEqual([1, NaN, NaN, NaN, 5]);
  });

  test('a row that is not there is a missing slot, told by the time alone', async () => {
    const path = csvFile('time,a\n0,0\n1,1\n2,2\n5,5\n6,6\n');
    const { values, seqs, length } = await readRecording(path);
    expect([...seqs]).toEqual([0, 1, 2, 5, 6]);
    expect(length).toBe(7);
    expect([...values[0]!]).toEqual([0, 1, 2, Number.NaN, Number.NaN, 5, 6]);
  });

  test('byte order mark, CRLF, quotes, spaces, blank lines and a comma at the end of each line are no obstacle', async () => {
    const path = csvFile('\uFEFFtime,"a, left" ,b,\r\n0, 1 ,"2",\r\n\r\n1,3,4,\r\n');
    const { channels, values, leftOut } = await readRecording(path);
    expect(channels).toEqual(['a, left', 'b']);
    expect(values.map((x) => [...x])).toEqual([
      [1, 3],
      [2, 4],
    ]);
    expect(leftOut).toEqual(['column 4']);
  });

  test('columns named are taken in the order named', async () => {
    const { channels, values } = await readRecording(csvFile('time,a,b,c\n0,1,2,x\n1,3,4,y\n'), {
      columns: ['b', 'a'],
    });
    expect(channels).toEqual(['b', 'a']);
    expect([...values[0]!]).toEqual([2, 4]);
  });

  test.each([
    ['first', [1e9 + 1, 5], [0, 1, 2]],
    [
      [1e9, 1],
      [1e9, 1],
      [1, 2, 3],
    ],
    [[1e9], [1e9, 1e9], [1, 2, 3]],
    [0, [0, 0], [1e9 + 1, 1e9 + 2, 1e9 + 3]],
  ] as const)('offset %j is subtracted in float64', async (offset, offsets, first) => {
    const path = csvFile('time,a,b\n0,1000000001,\n1,1000000002,5\n2,1000000003,6\n');
    const recording = await readRecording(path, { offset });
    expect(recording.offsets).toEqual(offsets);
    expect([...recording.values[0]!]).toEqual(first);
  });
});

describe('time', () => {
  test.each([
    ['0', '0.5', {}, 2],
    ['1700000000', '1700000000.25', {}, 4],
    ['0', '20', { timeUnit: 'ms' }, 50],
    ['2024-03-01T10:00:00Z', '2024-03-01T10:00:00.125Z', {}, 8],
    ['2024-03-01 12:00:00+02:00', '2024-03-01T10:00:01Z', {}, 1],
    ['2024-03-01T10:00:00.000100', '2024-03-01T10:00:00.000300', {}, 5000],
  ] satisfies [string, string, ReadOptions, number][])(
    'stamps %s and %s %j: %d Hz',
    async (first, second, options, rate) => {
      const recording = await readRecording(
        csvFile(`stamp,Timestamp,a\n1,${first},1\n2,${second},2\n`),
        options,
      );
      expect(recording.channels).toEqual(['stamp', 'a']);
      expect(recording.rate / rate).toBeCloseTo(1, 3);
    },
  );

  test('a stamp without a zone is UTC', async () => {
    const recording = await readRecording(csvFile('date,a\n2024-03-01 00:00,1\n2024-03-02,2\n'));
    expect([...recording.times]).toEqual([Date.UTC(2024, 2, 1), Date.UTC(2024, 2, 2)]);
  });

  test('with a rate the rows are equally spaced and the time column is not looked at', async () => {
    const recording = await readRecording(csvFile('time,a\nlate,1\nearly,2\n,3\n'), { rate: 50 });
    expect(recording.channels).toEqual(['a']);
    expect([...recording.seqs]).toEqual([0, 1, 2]);
    expect([...recording.times]).toEqual([0, 20, 40]);
  });

  test('--time names it', async () => {
    const path = csvFile('time,clock,a\n9,0,1\n9,0.1,2\n');
    expect(await readRecording(path, { time: 'clock' })).toMatchObject({ rate: 10, channels: ['time', 'a'] });
  });
});

describe('separators and decimals', () => {
  test.each([
    [
      'semicolons and decimal commas',
      'time;"a; left";b\n0,5;1,25;-0,5e1\n1;"2,5";,75\n',
      [
        [1.25, 2.5],
        [-5, 0.75],
      ],
    ],
    [
      'semicolons and decimal points',
      'time;a, left;b\n0.5;1.25;-5\n1;2.5;0.75\n',
      [
        [1.25, 2.5],
        [-5, 0.75],
      ],
    ],
    [
      'tabs, an empty cell at an end',
      'time\ta\tb\n0.5\t\t-5\n1\t2.5\t\n',
      [
        [Number.NaN, 2.5],
        [-5, Number.NaN],
      ],
    ],
    [
      'a comma in the first row alone decides nothing',
      'time;a;b\n0,5;1,25;-5\n1,0;2,5;0,75\n',
      [
        [1.25, 2.5],
        [-5, 0.75],
      ],
    ],
    [
      'mixed line ends',
      '\r\ntime,a,b\n0.5,1.25,-5\r\n1,2.5,0.75\r',
      [
        [1.25, 2.5],
        [-5, 0.75],
      ],
    ],
  ])('%s', async (_name, content, expected) => {
    const { values, rate } = await readRecording(csvFile(content));
    expect(values.map((x) => [...x])).toEqual(expected);
    expect(rate).toBe(2);
  });

  test('thousands of lines whose ends change: every row is read, and its line is known', async () => {
    const ends = ['\n', '\r\n', '\r'];
    const rows = Array.from({ length: 30_000 }, (_, n) => `${n},${2 * n}${ends[(n * n) % 3]}`);
    const { values } = await readRecording(csvFile(`time,a\n${rows.join('')}`));
    expect(values[0]!.every((value, n) => value === 2 * n)).toBe(true);
    rows[20_000] = '20000,x\r\n';
    await expect(
      readRecording(csvFile(`time,a\n${rows.join('')}`), { columns: ['a'] }),
    ).rejects.toMatchObject({
      message: expect.stringContaining('line 20002, column "a"'),
    });
  });
});

describe('bad input', () => {
  const cases: [
    name: string,
    text: string | Uint8Array,
    options: ReadOptions,
    code: string,
    message: RegExp,
  ][] = [
    ['an empty file', '', {}, 'fileEmpty', /empty file/],
    ['no row', 'time,a\n', {}, 'tooFewRows', /at least 2 rows of samples, got 0/],
    ['one row', 'time,a\n0,1\n', {}, 'tooFewRows', /at least 2 rows of samples, got 1/],
    ['a short row', 'time,a,b\n0,1,2\n1,2\n', {}, 'csvRagged', /csv, line 3: expected 3 columns .* got 2/],
    ['a long row', 'time,a\n0,1\n\n1,2,3\n', {}, 'csvRagged', /csv, line 4: expected 2 columns .* got 3/],
    [
      'decimal commas between commas',
      'time,a\n0,5,1,5\n',
      {},
      'csvRagged',
      /separated by commas.*got 4; decimals with a comma need semicolons/,
    ],
    ['a short row between tabs', 'time\ta\n0\n', {}, 'csvRagged', /expected 2 columns separated by tabs/],
    [
      'decimal commas in quotes',
      'time,a\n0,"0,5"\n1,"0,6"\n',
      {},
      'noNumericColumn',
      /got a: "0,5" in line 2; .*semicolons/,
    ],
    ['the same, asked for', 'time,a\n0,"0,5"\n', { columns: ['a'] }, 'textColumn', /got "0,5"; .*semicolons/],
    [
      'commas and points',
      'time;a\n0;0.5\n1;1,234\n',
      {},
      'csvDecimal',
      /line 3: .*"1,234" in line 3, "0.5" in line 2/,
    ],
    ['another separator', 'time|a\n0|1\n1|2\n', {}, 'timeValue', /got "0\|1" \("time\|a" is one column/],
    ['a header of text', 'recorded by|me\n0|1\n', {}, 'noTimeColumn', /is one column/],
    ['an open quote', 'time,a\n0,"1\n1,2\n', {}, 'csvQuote', /csv, line 2: a quote .* not closed/],
    ['text after a quote', 'time,a\n0,"1"x\n1,2\n', {}, 'csvQuote', /csv, line 2: Invalid Closing Quote/],
    [
      'two columns of a name',
      'time,a,b,a\n0,1,2,3\n',
      {},
      'csvDuplicateColumn',
      /line 1: .* "a" more than once/,
    ],
    ['no header', '0,1,2\n1,2,3\n', {}, 'csvHeader', /line 1: expected a header/],
    [
      'an unknown column',
      'time,ankle,knee\n0,1,2\n1,2,3\n',
      { columns: ['ankel'] },
      'unknownColumn',
      /no column "ankel"; did you mean ankle/,
    ],
    [
      'an unknown time',
      'time,a\n0,1\n1,2\n',
      { time: 'tmie' },
      'unknownColumn',
      /no column "tmie"; did you mean time/,
    ],
    ['no time', 'a,b\n0,1\n1,2\n', {}, 'noTimeColumn', /got a, b; .*--rate/],
    ['only text', 'time,a\n0,x\n1,y\n', {}, 'noNumericColumn', /column of numbers, got a/],
    [
      'only empty cells',
      'time,a\n0,\n1,\n',
      { columns: ['a'] },
      'noNumericColumn',
      /"a": expected numbers, got none/,
    ],
    [
      'text in a column that was asked for',
      'time,a\n0,1\n1,calm\n',
      { columns: ['a'] },
      'textColumn',
      /line 3, column "a": .*got "calm"/,
    ],
    ['a time that is none', 'time,a\n0,1\nnoon,2\n', {}, 'timeValue', /line 3: .*got "noon"/],
    ['no time in a row', 'time,a\n0,1\n,2\n', {}, 'timeValue', /line 3: .*got ""/],
    [
      'time backwards',
      'time,a\n0,1\n1,1\n2,1\n\n3,1\n-60,1\n-59,1\n',
      {},
      'timeBackwards',
      /csv, line 7: .*backwards/,
    ],
    ['time standing still', 'time,a\n0,1\n0,1\n0,1\n', {}, 'timeConstant', /csv: .*advance/],
    ['a gap of years', 'time,a\n0,1\n0.001,1\n0.002,1\n1e8,1\n', {}, 'recordingGaps', /4 rows at 1000.* Hz/],
    [
      'offsets of other channels',
      'time,a\n0,1\n1,2\n',
      { offset: [1, 2] },
      'offsetCount',
      /one number or 1, .* got 2/,
    ],
    ['rate 0', 'a\n0\n1\n', { rate: 0 }, 'rateValue', /above 0, got 0/],
    ['a unit of time', 'time,a\n0,1\n1,2\n', { timeUnit: 'us' }, 'timeUnit', /one of s, ms, got us/],
  ];
  test.each(cases)('%s', async (_name, text, options, code, message) => {
    await expect(readRecording(csvFile(text), options)).rejects.toMatchObject({
      name: 'FirtrendError',
      code,
      message: expect.stringMatching(message),
    });
  });

  test.each([
    ['/no/such/recording.csv', /no such file/],
    ['/tmp', /illegal operation on a directory/],
  ])('the file %s', async (path, message) => {
    await expect(readRecording(path)).rejects.toMatchObject({
      code: 'fileUnreadable',
      message: expect.stringMatching(message),
    });
  });
});

describe('float32 spacing', () => {
  // Between 65,536 and 131,072 float32 numbers are 2^-7 apart.
  test('a pressure in Pa is warned of, with the figures', () => {
    const [warning] = spacingWarnings(recordingOf([101325, 101325.5, 101325, 101325, 101325.5]));
    expect(warning).toMatch(/"c0".* 101325.5 are 0.00781 apart, 1.56 % of its median step of 0.500/);
  });

  test('the same without its level is not, nor is a channel without steps', () => {
    expect(
      spacingWarnings(recordingOf([0, 0.5, 0, 0, 0.5], [101325, 101325, 101325, 101325, 101325])),
    ).toEqual([]);
  });
});
