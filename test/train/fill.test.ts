import { expect, test } from 'vitest';
import { filled } from '../../src/train/fill.ts';
import { memorySamples, wholeOf } from '../../src/train/samples.ts';

const none = Number.NaN;

test.each([
  [0, [1, none, 3], [1, none, 3]],
  [1, [1, none, 3], [1, 2, 3]],
  [2, [0, none, none, 6, none, 7], [0, 2, 4, 6, 6.5, 7]],
  [1, [0, none, none, 6, none, 7], [0, none, none, 6, 6.5, 7]],
  [9, [none, none, 2, 3, none], [none, none, 2, 3, none]],
  [9, [none, none], [none, none]],
])('holes of up to %d: %j', (longest, x, expected) => {
  const samples = Float64Array.from(x);
  const whole = filled(memorySamples(samples), longest);
  expect([...wholeOf(whole)]).toEqual(expected);
  for (let from = 0; from <= x.length; from++) {
    for (let to = from; to <= x.length; to++) {
      expect([...whole.read(from, to)]).toEqual(expected.slice(from, to));
    }
  }
  expect([...samples]).toEqual(x);
});
