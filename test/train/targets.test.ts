import { describe, expect, test } from 'vitest';
import { parseTarget, targetValues } from '../../src/train/targets.ts';
import { normal } from './support.ts';

describe('parsing', () => {
  test.each([
    ['forecast:1', 64, { kind: 'forecast', steps: 1 }],
    ['forecast:0.5s', 64, { kind: 'forecast', steps: 32 }],
    ['smooth:32', 64, { kind: 'smooth', period: 32 }],
    ['smooth:2.5', 1, { kind: 'smooth', period: 2.5 }],
    ['smooth:0.25s', 100, { kind: 'smooth', period: 25 }],
    ['column:true temp', 1, { kind: 'column', pairs: [{ channel: null, column: 'true temp' }] }],
    [
      'column:a=ra, b=rb',
      1,
      {
        kind: 'column',
        pairs: [
          { channel: 'a', column: 'ra' },
          { channel: 'b', column: 'rb' },
        ],
      },
    ],
  ])('%s at %d Hz', (text, rate, target) => {
    expect(parseTarget(text, rate)).toEqual(target);
  });

  test.each([
    ['forecast:0', /H ≥ 1 .*got forecast:0/],
    ['forecast:-1', /H ≥ 1/],
    ['forecast:1.5', /whole number/],
    ['forecast:0.001s', /H ≥ 1 .*which is 0.064 samples at 64 Hz/],
    ['smooth:2', /above 2 samples, got smooth:2/],
    ['smooth:', /expected forecast:H or smooth:PERIOD/],
    ['smooth:x', /expected forecast:H or smooth:PERIOD/],
    ['column:', /column:NAME, or column:A=REF_A/],
    ['column:a=b,c', /column:A=REF_A/],
    ['column:a,b', /column:A=REF_A/],
    ['column:a=b,a=c', /different channels/],
    ['column:a=b=c', /column:A=REF_A/],
    ['column:=b', /column:A=REF_A/],
    ['level', /expected forecast:H or smooth:PERIOD/],
    ['', /expected forecast:H or smooth:PERIOD/],
  ])('"%s" is an error that says what was expected', (text, message) => {
    expect(() => parseTarget(text, 64)).toThrow(
      expect.objectContaining({ code: 'target', message: expect.stringMatching(message) }),
    );
  });
});

test('forecast: the sample H steps ahead, none for the last H, missing where that is missing', () => {
  const y = targetValues({ kind: 'forecast', steps: 2 }, Float64Array.of(1, 2, 3, Number.NaN, 5));
  expect([...y]).toEqual([3, Number.NaN, 5, Number.NaN, Number.NaN]);
});

describe('smooth', () => {
  const period = 10;
  const noise = normal(1);
  const x = Float64Array.from({ length: 120 }, noise);
  const holed = (from: number, to: number) => x.map((v, n) => (n >= from && n < to ? Number.NaN : v));
  const present = (y: Float64Array) => [...y.keys()].filter((n) => !Number.isNaN(y[n]!));
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
  const values = (samples: Float64Array) => targetValues({ kind: 'smooth', period }, samples);

  test('no target within ⌈1.5 P⌉ samples of an end', () => {
    expect(present(values(x))).toEqual(range(15, 105));
  });

  test('a hole of half a period divides, each stretch with its own ends; one below three periods is left out', () => {
    expect(present(values(holed(60, 65)))).toEqual([...range(15, 45), ...range(80, 105)]);
    expect(present(values(holed(29, 35)))).toEqual(range(50, 105));
  });

  test('a stretch knows nothing of what lies beyond its hole', () => {
    const other = holed(60, 65).map((v, n) => (n > 64 ? v + 1000 : v));
    expect([...values(other).subarray(0, 60)]).toEqual([...values(holed(60, 65)).subarray(0, 60)]);
  });

  test('a shorter hole is bridged', () => {
    expect(present(values(holed(60, 64)))).toEqual(range(15, 105));
  });
});
