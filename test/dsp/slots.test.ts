import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { recordedPeriod, slotClock, slots } from '../../src/dsp/slots.ts';
import { readRecording } from '../../src/train/readRecording.ts';
import { integer, randomFrom } from '../filter/support.ts';
import { seed } from '../support/counts.ts';
import { temporaryFolder } from '../support/models.ts';

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

describe(`what reads recordings for replay, apply and train finds the same (seed ${seed})`, () => {
  const folder = fileURLToPath(new URL('../../recordings/', import.meta.url));

  test.each(['gait-accelerometer.csv', 'cycling.csv', 'seattle-weather.csv'])(
    'no gap in %s',
    async (file) => {
      const { seqs, length } = await readRecording(join(folder, file));
      expect(seqs.length).toBe(length);
      expect([...seqs]).toEqual([...seqs.keys()]);
    },
  );

  test('all of 40 single losses put into the gait recording, also when its clock runs 300 ppm fast', async () => {
    const [header, ...rows] = readFileSync(join(folder, 'gait-accelerometer.csv'), 'utf8').trim().split('\n');
    const random = randomFrom(seed);
    const lost = new Set<number>();
    while (lost.size < 40) {
      // Single ones: neither the first nor the last row, nor two that are neighbours.
      const at = integer(random, 1, rows.length - 2);
      if (![at - 1, at, at + 1].some((n) => lost.has(n))) lost.add(at);
    }
    const file = join(await temporaryFolder(), 'lossy.csv');
    for (const drift of [1, 1 + 300e-6]) {
      const kept = rows.flatMap((row, n) =>
        lost.has(n) ? [] : [row.replace(/^[^,]+/, (t) => `${Number(t) * drift}`)],
      );
      await writeFile(file, `${[header, ...kept].join('\n')}\n`);
      const { seqs, length } = await readRecording(file);
      expect(length).toBe(rows.length);
      expect([...seqs]).toEqual(rows.flatMap((_, n) => (lost.has(n) ? [] : [n])));
    }
  });
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

test('live jitter is the most of the last 1,024 steps, however it is kept', () => {
  const step = fc.record({
    lost: fc.constantFrom(0, 0, 0, 0, 1, 3),
    jitter: fc.double({ min: 0, max: 0.9, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1500, maxLength: 1500 }), (steps) => {
      // The rule as the protocol has it, written out.
      const clock = slotClock(1);
      let [seq, expected, previous] = [0, 1, 0];
      const early: number[] = [];
      clock.push(0);
      let source = 0;
      for (const { lost, jitter } of steps) {
        source += 1 + lost;
        const time = source + jitter * (source % 50 === 0 ? 1 : 0.1);
        early.push(Math.min(Math.max(1 - (time - previous), 0), 1));
        const tolerance = Math.max(0.5, 1.5 * Math.max(...early.slice(-1024)));
        const e = time - expected;
        if (e > tolerance) {
          seq += 1 + Math.round(e);
          expected = time + 1;
        } else {
          seq++;
          expected += 1 + e / 16;
        }
        previous = time;
        if (clock.push(time) !== seq) expect.fail(`at ${time}: expected ${seq}`);
      }
    }),
    { numRuns: 10 },
  );
});

test('the period is not moved by lost samples or rounded stamps', () => {
  expect(recordedPeriod([0, 1, 2, 3, 9, 10, 11])).toBe(1);
  expect(recordedPeriod([0, 15, 31, 47, 62])).toBeCloseTo(15.5, 10);
  expect(() => recordedPeriod([5, 5, 5])).toThrow(/advance/);
});
