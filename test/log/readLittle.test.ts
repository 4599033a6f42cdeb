import { describe, expect, test } from 'vitest';
import { blockCache } from '../../src/log/segments/blockCache.ts';
import { newSegment } from '../../src/log/segments/catalog.ts';
import { scan } from '../../src/log/segments/scan.ts';

/* A range of a stream costs in proportion to what it holds, however much the segment holds, and many who read the same
 * read the file once. */

const file = Buffer.from(Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7919) >>> 3));

/** `file` up to `length`, as it is read; and which pieces were asked of it. */
function readable(length = file.length) {
  const asked: [number, number][] = [];
  return {
    asked,
    async readAt(bytes: Buffer, position: number) {
      asked.push([position, bytes.length]);
      return file.subarray(0, length).copy(bytes, 0, position);
    },
  };
}

test('a scan reads in pieces that grow: whoever stops early has read little', async () => {
  const { asked, readAt } = readable();
  const range = { from: 800, until: file.length, end: file.length };
  const pieces = scan(readAt, range, 0, { record() {}, hole() {} });
  await pieces.next();
  expect(asked).toEqual([[800, 8192]]);
  for await (const _ of pieces);
  expect(asked.length).toBeLessThan(6);
  expect(asked.reduce((sum, [, length]) => sum + length, 0)).toBe(file.length - 800);
});

describe('the blocks that were read last', () => {
  test('are the bytes of the file, and are read once', async () => {
    const { asked, readAt } = readable();
    const segment = { ...newSegment(1, 0), size: file.length };
    const cache = blockCache();
    const pieces = [
      [0, 10],
      [16_380, 8],
      [20_000, 40_000],
      [99_990, 10],
    ] as const;
    const read = async ([position, length]: readonly [number, number]) => {
      const bytes = Buffer.alloc(length);
      expect(await cache.read(segment, bytes, position, readAt)).toBe(length);
      expect(bytes).toEqual(file.subarray(position, position + length));
    };
    await Promise.all([...pieces, ...pieces].map(read));
    for (const piece of pieces) await read(piece);
    expect(asked.map(([position]) => position)).toEqual([...new Set(asked.map(([position]) => position))]);
    expect(asked.every(([position, length]) => position + length <= segment.size)).toBe(true);
  });

  test('grow with the segment, and never hold what is not committed', async () => {
    const segment = { ...newSegment(1, 0), size: 1000 };
    const cache = blockCache();
    const before = readable();
    await cache.read(segment, Buffer.alloc(8), 0, before.readAt);
    expect(before.asked).toEqual([[0, 1000]]);
    segment.size = 3000;
    const bytes = Buffer.alloc(2900);
    const { asked, readAt } = readable();
    await Promise.all([
      cache.read(segment, bytes, 100, readAt),
      cache.read(segment, Buffer.alloc(100), 2000, readAt),
    ]);
    expect(bytes).toEqual(file.subarray(100, 3000));
    expect(asked).toEqual([[0, 3000]]);
  });

  test('of a file that is shorter than it should be are what there is, and are asked for again', async () => {
    const segment = { ...newSegment(1, 0), size: 3000 };
    const cache = blockCache();
    const { asked, readAt } = readable(500);
    expect(await cache.read(segment, Buffer.alloc(100), 450, readAt)).toBe(50);
    expect(await cache.read(segment, Buffer.alloc(100), 600, readAt)).toBe(0);
    expect(asked.length).toBe(2);
  });

  test('are forgotten with their segment', async () => {
    const [one, eleven] = [1, 11].map((number) => ({ ...newSegment(number, 0), size: 3000 }));
    const cache = blockCache();
    const { asked, readAt } = readable();
    for (const segment of [one!, eleven!]) await cache.read(segment, Buffer.alloc(8), 0, readAt);
    cache.forget(one!);
    for (const segment of [one!, eleven!]) await cache.read(segment, Buffer.alloc(8), 0, readAt);
    expect(asked.length).toBe(3);
  });
});
