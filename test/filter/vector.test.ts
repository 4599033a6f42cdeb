import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { compiledModule, modulePath } from '../../scripts/wat/compile.ts';
import { giveBackMemory, takeMemory } from '../../src/filter/cellMemory.ts';
import { interleave } from '../../src/filter/rows.ts';
import { createTrendFilter, type TrendFilter } from '../../src/filter/trendFilter.ts';
import { coverageOf, cpu, firstDifference, randomFrom, randomKernel, randomPlanes } from './support.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

test('the module that ships is what vector.wat compiles to', async () => {
  expect(readFileSync(modulePath, 'utf8')).toBe(await compiledModule());
});

const special = [
  0,
  -0,
  1,
  -1.5,
  2 ** 99,
  2 ** 100,
  -(2 ** 100),
  3e38,
  Number.NaN,
  Infinity,
  -Infinity,
  1e-45,
];

test('interleaves as JavaScript does, and overlooks nothing that is not ordinary', () => {
  const memory = takeMemory(100_000);
  const blocks = fc.record({
    width: fc.constantFrom(4, 8, 16),
    count: fc.oneof(fc.nat(40), fc.nat(300)),
    stride: fc.constantFrom(16, 20),
    odd: fc.constantFrom(0, 0.001, 0.1, 1),
    seed: fc.integer(),
  });
  fc.assert(
    fc.property(blocks, ({ width, count, stride, odd, seed }) => {
      const random = randomFrom(seed);
      const planes = Float32Array.from({ length: width * count }, () =>
        random() < odd ? special[Math.floor(random() * special.length)]! : 2 * random() - 1,
      );
      const expected = new Float32Array(count * stride + 16).fill(7);
      const looked = interleave(width, count, planes, 0, count, expected, 3, stride);
      memory.cells.fill(7, 0, expected.length);
      memory.cells.set(planes, memory.scratch);
      const source = 4 * memory.scratch;
      const told = memory.vectors!.interleave(width, count, source, 4 * count, 4 * 3, 4 * stride);
      expect(firstDifference(memory.cells.slice(0, expected.length), expected)).toBe(-1);
      for (let row = 0; row < count; row++) {
        const wild = Array.from({ length: width }, (_, c) => planes[c * count + row]!).some(
          (v) => !(Math.abs(v) < 2 ** 100),
        );
        const bit = Math.min(row, 31);
        if (wild) expect([(told >> bit) & 1, (looked >> bit) & 1]).toEqual([1, 1]);
      }
      if (odd === 0) expect([told, looked]).toEqual([0, 0]);
    }),
  );
  giveBackMemory(memory);
});

test('without WebAssembly trends have the same bits', async () => {
  const random = randomFrom(11);
  const [channels, rows] = [37, 16];
  const filters: TrendFilter[] = [];
  for (const taps of [1, 9, 70]) {
    const kernels = [randomKernel(random, taps)];
    const frames = Array.from({ length: 12 }, (_, i) =>
      randomPlanes(random, channels, rows, i % 4 === 0 ? 0.05 : 0),
    );
    const trends = [];
    for (const hidden of [true, false]) {
      if (hidden) vi.stubGlobal('WebAssembly', undefined);
      const filter = await createTrendFilter(kernels, { device: cpu, minCoverage: 0.3 });
      const window = filter.createWindow(channels);
      const blocks = [];
      for (const planes of frames) blocks.push(...(await filter.run([{ window, gap: 0, planes, rows }])));
      trends.push(blocks);
      // No filter gives its memory back before the end: one with and one without vectors must not swap theirs.
      expect(takeMemory(1000).vectors === undefined).toBe(hidden);
      filters.push(filter);
      vi.unstubAllGlobals();
    }
    for (const [i, block] of trends[0]!.entries()) {
      expect(firstDifference(block.trend, trends[1]![i]!.trend)).toBe(-1);
      expect(firstDifference(coverageOf(block), coverageOf(trends[1]![i]!))).toBe(-1);
    }
    expect(trends[0]!.some(({ coverage }) => coverage !== undefined)).toBe(true);
  }
  await Promise.all(filters.map((filter) => filter.release()));
});
