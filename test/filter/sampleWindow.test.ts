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

/** The newest samples of one channel, NaN where missing, and nothing written beside them. */
function heldOf(window: SampleWindow, channel: number, newest: number): number[] {
  const block = window.blocks.findIndex(({ first, width }) => channel < first + width);
  const { first, width } = window.blocks[block]!;
  const stride = 16;
  const [held, mask] = [0, 1].map(() => new Float32Array((newest + 2) * stride).fill(9)) as [
    Float32Array,
    Float32Array,
  ];
  window.load(block, newest, held, stride, stride);
  window.loadMask(block, newest, mask, stride, stride);
  for (const cells of [held, mask]) {
    const beside = cells.filter((_, i) => i % stride >= width || i < stride || i >= (newest + 1) * stride);
    expect(beside.every((v) => v === 9)).toBe(true);
  }
  return Array.from({ length: newest }, (_, i) => {
    const at = (i + 1) * stride + channel - first;
    return mask[at] === 1 ? held[at]! : Number.NaN;
  });
}

test('holds the newest samples and counts the missing, whatever came how', () => {
  fc.assert(
    fc.property(fc.nat(17), fc.constantFrom(1, 2, 3, 9, 31), steps, (size, channels, history) => {
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
          expect(heldOf(window, c, size)).toEqual(newest);
          for (const part of [size, size >> 1]) {
            const holes = newest.slice(size - part).filter(Number.isNaN).length;
            expect(window.missing(c, part)).toBe(holes);
          }
        }
      }
    }),
  );
});

test('gives any part of the newest, oldest first, also where it is long', () => {
  const window = new SampleWindow(2, 100);
  window.push(
    Float32Array.from({ length: 300 }, (_, i) => i),
    150,
  );
  expect(heldOf(window, 1, 80)).toEqual(Array.from({ length: 80 }, (_, i) => 220 + i));
});

test('holds no more memory than twice its samples and 4 KiB', () => {
  const before = process.memoryUsage().arrayBuffers;
  const windows = Array.from({ length: 20 }, () => new SampleWindow(64, 128));
  const each = (process.memoryUsage().arrayBuffers - before) / windows.length;
  expect(each).toBeLessThanOrEqual(2 * 64 * 128 * 4 + 4096);
});
