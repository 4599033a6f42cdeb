import { readdirSync, readlinkSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openRecording, readRecording } from '../../src/train/readRecording.ts';
import { memorySamples, wholeOf } from '../../src/train/samples.ts';
import { createScratch, type Scratch } from '../../src/train/scratch.ts';
import { smooth, smoothChunks } from '../../src/train/smoother.ts';
import { trainKernel } from '../../src/train/train.ts';
import { csvFile, gait, noisyWalk } from './support.ts';

/** Nothing but the block that each column is filling is held in memory. */
const onDisk = (): Scratch => createScratch(0);

describe('a scratch column', () => {
  test('gives back what was pushed, in memory or from the file, however it is read', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, 2 * 8192 * 8, Infinity),
        fc.integer({ min: 0, max: 40_000 }),
        fc.array(fc.tuple(fc.nat(40_000), fc.nat(40_000)), { maxLength: 8 }),
        (memoryBytes, length, reads) => {
          const scratch = createScratch(memoryBytes);
          const columns = [scratch.column(), scratch.column()];
          for (let i = 0; i < length; i++) for (const c of [0, 1]) columns[c]!.push(i * 1.5 - c);
          for (const [a, b] of reads) {
            const [from, to] = [Math.min(a, b, length), Math.min(Math.max(a, b), length)];
            columns.forEach((column, c) => {
              const expected = Float64Array.from({ length: to - from }, (_, i) => (from + i) * 1.5 - c);
              expect(column.read(from, to)).toEqual(expected);
            });
          }
          expect(scratch.onDisk).toBe(2 * Math.floor(length / 8192) > memoryBytes / (8192 * 8));
          scratch.close();
        },
      ),
      { numRuns: 25 },
    );
  });

  test('its file has no name, and closing it gives everything back', () => {
    const scratch = onDisk();
    const column = scratch.column();
    for (let i = 0; i < 20_000; i++) column.push(i);
    const files = () =>
      readdirSync('/proc/self/fd').flatMap((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`).match(/firtrend-[0-9a-f-]{36} \(deleted\)$/) ?? [];
        } catch {
          return [];
        }
      });
    expect(files()).toHaveLength(1);
    scratch.close();
    expect(files()).toHaveLength(0);
    expect(() => column.read(0, 10)).toThrow(/scratch file in .*: expected to read it/);
  });
});

describe('a recording that is not in memory', () => {
  test('has the samples of the one that is', async () => {
    const text = `time,a,b\n${Array.from({ length: 30_000 }, (_, i) =>
      i % 997 === 0 ? '' : `${i / 50},${Math.sin(i)},${i % 61 === 0 ? 'NaN' : i * 1e-3}\n`,
    ).join('')}`;
    const path = csvFile(text);
    const options = { offset: 'first' } as const;
    const { values, ...whole } = await readRecording(path, options);
    const scratch = onDisk();
    const stored = await openRecording(path, options, scratch);
    expect(scratch.onDisk).toBe(true);
    const { name, channels, rate, length, offsets, overflow, sha256 } = whole;
    expect(stored).toMatchObject({ name, channels, rate, length, offsets, overflow, sha256 });
    expect(length).toBe(30_000 - 1);
    stored.samples.forEach((samples, c) => {
      expect(wholeOf(samples)).toEqual(values[c]);
    });
    scratch.close();
  });

  test.each([
    ['smooth:32', {}],
    ['forecast:3', { perChannel: true, fill: 2 }],
    ['column:ankle_vert', { bias: true }],
  ] as const)('%s: trains to the same bits', async (target, more) => {
    const options = { target, taps: 33, ...more };
    const { seconds: _, ...expected } = await trainKernel([await readRecording(gait)], options);
    const scratch = onDisk();
    const recording = await openRecording(gait, {}, scratch);
    const { seconds: __, ...found } = await trainKernel([recording], options, { scratch: onDisk });
    expect(found).toEqual(expected);
    scratch.close();
  });
});

test.each([8, 100, 3000])('period %d: the smoother in chunks is the smoother', (period) => {
  const x = noisyWalk(200_000, 0.01, 5).map((value, n) => (n % 1000 < 3 && n > 0 ? Number.NaN : value + 1e4));
  const expected = smooth(x, period);
  let at = 0;
  for (const chunk of smoothChunks(memorySamples(x), period, 0, x.length)) {
    chunk.forEach((value, i) => {
      expect(Math.abs(value - expected[at + i]!)).toBeLessThan(1e-9);
    });
    at += chunk.length;
  }
  expect(at).toBe(x.length);
});
