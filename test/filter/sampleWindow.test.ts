import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SampleWindow } from '../../src/filter/sampleWindow.ts';

type Step = { kind: 'push'; rows: number[] } | { kind: 'skip'; count: number } | { kind: 'clear' };

const sample = fc.constantFrom(1, -2.5, 0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('push'), rows: fc.array(sample, { maxLength: 40 }) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('skip'), count: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear') }) },
  ) as fc.Arbitrary<Step>,
  { maxLength: 30 },
);

test('holds the newest samples and counts the missing, whatever came how', () => {
  fc.assert(
    fc.property(fc.nat(17), fc.integer({ min: 1, max: 3 }), steps, (size, channels, history) => {
      const window = new SampleWindow(channels, size);
      // The same by definition: all samples ever, each channel's multiplied by its number so that none is another's.
      const all = Array.from({ length: channels }, () => new Array<number>(size).fill(Number.NaN));
      for (const step of history) {
        if (step.kind === 'push') {
          const planes = all.map((_, c) => step.rows.map((v) => v * (c + 1)));
          window.push(Float32Array.from(planes.flat()), step.rows.length);
          for (const [c, rows] of planes.entries()) all[c]!.push(...rows);
        } else if (step.kind === 'skip') {
          window.skip(step.count);
          for (const rows of all) rows.push(...new Array<number>(step.count).fill(Number.NaN));
        } else {
          window.clear();
          for (const rows of all) rows.push(...new Array<number>(size).fill(Number.NaN));
        }
        for (const [c, rows] of all.entries()) {
          const newest =
            size === 0 ? [] : rows.slice(-size).map((v) => (Number.isFinite(v) ? v : Number.NaN));
          const held = new Float32Array(size + 2).fill(9);
          window.copy(c, size, size, held, 1);
          expect([...held]).toEqual([9, ...newest, 9]);
          expect(window.missing(c)).toBe(newest.filter(Number.isNaN).length);
        }
      }
    }),
  );
});

test('copies any part, oldest first, also where it is long', () => {
  const window = new SampleWindow(2, 100);
  window.push(
    Float32Array.from({ length: 300 }, (_, i) => i),
    150,
  );
  const part = new Float32Array(60);
  window.copy(1, 80, 60, part, 0);
  expect([...part]).toEqual(Array.from({ length: 60 }, (_, i) => 220 + i));
});

test('holds no more memory than twice its samples and 4 KiB', () => {
  const before = process.memoryUsage().arrayBuffers;
  const windows = Array.from({ length: 20 }, () => new SampleWindow(64, 128));
  const each = (process.memoryUsage().arrayBuffers - before) / windows.length;
  expect(each).toBeLessThanOrEqual(2 * 64 * 128 * 4 + 4096);
});
