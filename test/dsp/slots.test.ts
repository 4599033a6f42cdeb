import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { recordedPeriod, slotClock, slots } from '../../src/dsp/slots.ts';

function recordedTimes(file: string, parse: (cell: string) => number): number[] {
  const text = readFileSync(new URL(`../../recordings/${file}`, import.meta.url), 'utf8');
  return text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => parse(line.split(',')[0]!));
}

describe('no gap is found where none is', () => {
  test.each([
    ['gait-accelerometer.csv', Number],
    ['cycling.csv', Number],
    ['seattle-weather.csv', (cell: string) => Date.parse(cell)],
  ] as const)('%s', (file, parse) => {
    const times = recordedTimes(file, parse);
    expect([...slots(times)]).toEqual(times.map((_, i) => i));
  });
});

test('all of 40 single losses put into a clean recording with 300 ppm of drift are found', () => {
  const period = 1 / 64;
  const lost = new Set(Array.from({ length: 40 }, (_, i) => 50 + i * 97));
  const kept = Array.from({ length: 4000 }, (_, n) => n).filter((n) => !lost.has(n));
  expect([...slots(kept.map((n) => n * period * (1 + 300e-6)))]).toEqual(kept);
});

test('random gaps in a jittering clock are found exactly while jitter is below a fifth of the period', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.double({ min: -0.1, max: 0.1, noNaN: true })), {
        minLength: 40,
        maxLength: 200,
      }),
      (steps) => {
        const seqs = [0];
        for (const [step] of steps) seqs.push(seqs.at(-1)! + step);
        const times = seqs.map((seq, i) => seq * 20 + 20 * (steps[i % steps.length]?.[1] ?? 0));
        expect([...slots(times, 20)]).toEqual(seqs);
      },
    ),
  );
});

test('a clock that is set back is an error that says so, however far', () => {
  for (const back of [10, 3600]) {
    expect(() => slots([0, 1, 2, 3, 4, 5, 6, 5 - back, 6 - back])).toThrow(/time runs backwards/);
  }
});

test('a live clock needs no recording', () => {
  const clock = slotClock(1000);
  expect([0, 1003, 1998, 5001, 6000].map((t) => clock.push(t))).toEqual([0, 1, 2, 5, 6]);
});

test('the period is not moved by lost samples or rounded stamps', () => {
  expect(recordedPeriod([0, 1, 2, 3, 9, 10, 11])).toBe(1);
  expect(recordedPeriod([0, 15, 31, 47, 62])).toBeCloseTo(15.5, 10);
  expect(() => recordedPeriod([5, 5, 5])).toThrow(/advance/);
});
