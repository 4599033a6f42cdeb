import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { SampleLog, SamplesRecord } from '../../src/log/sampleLog.ts';
import { type SegmentLogOptions, segmentLog } from '../../src/log/segmentLog.ts';
import { readSegments } from '../../src/log/segmentReader.ts';
import { filterRecord, readAll, rowsOf, samplesRecord, streamRecord } from './contract.ts';

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'firtrend-log-'));
  folders.push(folder);
  return folder;
}

/** Leaves the log as a process that was killed would: the lock is free, nothing is said of an end. */
async function killed(folder: string): Promise<string> {
  const copy = await freshFolder();
  for (const name of await readdir(folder))
    await writeFile(join(copy, name), await readFile(join(folder, name)));
  return copy;
}

const segments = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith('.segment')).sort();

describe('ownership', () => {
  test('a second opener is refused and told who holds it; readers are not', async () => {
    const folder = await freshFolder();
    const log = await segmentLog(folder);
    await log.commit([streamRecord('a'), samplesRecord('a', 0, 3)]);
    await expect(segmentLog(folder)).rejects.toMatchObject({
      code: 'logInUse',
      message: expect.stringContaining(`process ${process.pid}`) as string,
    });
    const reader = await readSegments(folder);
    expect(rowsOf(await readAll(reader, 'a', 0, 9))).toHaveLength(3);
    await reader.close();
    await log.close();
    const next = await segmentLog(folder);
    expect(next.head('a')?.nextSeq).toBe(3);
    await next.close();
  });

  test('a reader beside a writer tells whole commits, while segments come and go', async () => {
    const folder = await freshFolder();
    const log = await segmentLog(folder, { segmentBytes: 2000 });
    await log.commit([streamRecord('a'), streamRecord('b'), filterRecord('a', 0)]);
    let done = false;
    const writing = (async (): Promise<void> => {
      for (let n = 0; n < 300; n++) {
        await log.commit([samplesRecord('a', n * 5, 5), samplesRecord('b', n * 5, 5)]);
        await log.trim({ maxBytes: 8000, keepSamples: 50 });
      }
      done = true;
    })();
    let looks = 0;
    while (!done) {
      const reader = await readSegments(folder);
      const [a, b] = [reader.head('a')!, reader.head('b')!];
      expect(a.nextSeq).toBe(b.nextSeq);
      // What is removed meanwhile may be missing at the front, and nothing else.
      const rows = rowsOf(await readAll(reader, 'a', 0, 1e9));
      for (const [i, [seq, value]] of rows.entries()) {
        expect(value).toBe(seq);
        expect(seq).toBe(rows[0]![0] + i);
      }
      await reader.close();
      looks++;
    }
    await writing;
    expect(looks).toBeGreaterThan(5);
    await log.close();
  });
});

describe('epochs', () => {
  const first = { type: 'first life', bootId: 'boot-1' };
  for (const { sync, end, bootId, proven } of [
    { sync: 'full', end: 'killed', bootId: 'boot-2', proven: true },
    { sync: 'full', end: 'closed', bootId: 'boot-2', proven: true },
    { sync: 'normal', end: 'killed', bootId: 'boot-1', proven: true },
    { sync: 'normal', end: 'killed', bootId: 'boot-2', proven: false },
    { sync: 'normal', end: 'closed', bootId: 'boot-2', proven: true },
  ] as const) {
    test(`sync ${sync}, ${end}, ${bootId === 'boot-1' ? 'same' : 'another'} boot: ${proven ? 'proven' : 'in doubt'}`, async () => {
      let folder = await freshFolder();
      const log = await segmentLog(folder, { sync, bootId: first.bootId });
      await log.commit([
        streamRecord('a'),
        samplesRecord('a', 0, 4),
        streamRecord('quiet'),
        samplesRecord('quiet', 0, 4),
      ]);
      if (end === 'killed') folder = await killed(folder);
      await log.close();
      const next = await segmentLog(folder, { bootId });
      expect([next.head('a')?.proven, next.head('quiet')?.proven]).toEqual([proven, proven]);
      expect(next.head('a')?.nextSeq).toBe(4);
      // A new epoch can be proven; what is in doubt stays so, whatever segment it lies in later.
      await next.commit([streamRecord('a', 2, '00000000000000e2'), samplesRecord('a', 0, 2)]);
      const { segmentBytes, rule } = { segmentBytes: 600, rule: { maxBytes: 1500, keepSamples: 3 } };
      await next.close();
      const third = await segmentLog(folder, { bootId: 'boot-3', segmentBytes });
      for (let n = 0; n < 20; n++) {
        await third.commit([samplesRecord('a', 2 + n * 9, 9)]);
        await third.trim(rule);
      }
      await third.close();
      for (const log of [await readSegments(folder), await segmentLog(folder, { bootId: 'boot-4' })]) {
        expect([log.head('a')?.proven, log.head('quiet')?.proven]).toEqual([true, proven]);
        expect(rowsOf(await readAll(log, 'quiet', 0, 9)).at(-1)).toEqual([3, 3]);
        await log.close();
      }
      expect((await segments(folder))[0]).not.toMatch(/^0000000001/);
    });
  }

  test('a machine whose boots cannot be told apart proves nothing after sync: normal', async () => {
    const folder = await freshFolder();
    const log = await segmentLog(folder, { sync: 'normal' });
    await log.commit([streamRecord('a')]);
    const copy = await killed(folder);
    await log.close();
    // As where the boot id is unknown: the record says none.
    const reader = await readSegments(copy);
    expect(reader.writer).toMatchObject({ sync: 'normal', closed: false });
    await reader.close();
    const next = await segmentLog(copy, { bootId: 'unknown' });
    expect(next.head('a')?.proven).toBe(false);
    await next.close();
  });

  test('doubt (firtrend log new-epoch) is for all streams there are, and none that begin later', async () => {
    const folder = await freshFolder();
    const log = await segmentLog(folder);
    await log.commit([streamRecord('a'), samplesRecord('a', 0, 4)]);
    await log.close();
    const doubted = await segmentLog(folder, { doubt: 'new-epoch' });
    await doubted.commit([streamRecord('b')]);
    expect([doubted.head('a')?.proven, doubted.head('b')?.proven]).toEqual([false, true]);
    await doubted.close();
    const next = await segmentLog(folder);
    expect([next.head('a')?.proven, next.head('b')?.proven]).toEqual([false, true]);
    await next.close();
  });
});

describe('retention', () => {
  const day = 86_400_000;
  /** A log with a segment a day for `days` days, and its clock. */
  async function aged(days: number, options: SegmentLogOptions = {}) {
    const folder = await freshFolder();
    const now = { wall: 1763e9, steady: 0 };
    const clock = { wall: () => now.wall, steady: () => now.steady };
    const log = await segmentLog(folder, { segmentBytes: 700, clock, ...options });
    await log.commit([
      streamRecord('a'),
      filterRecord('a', 0),
      streamRecord('quiet', 1),
      samplesRecord('quiet', 0, 30, 1),
    ]);
    const rule = { maxBytes: 1e9, maxAge: 7 * day, keepSamples: 20 };
    for (let n = 0; n < days; n++) {
      await log.commit([samplesRecord('a', n * 60, 60)]);
      // Time goes on by hours, as a daemon sees it.
      for (let hour = 0; hour < 24; hour++) {
        now.wall += day / 24;
        now.steady += day / 24;
        await log.trim(rule);
      }
    }
    return { folder, log, now, rule };
  }

  test('by age: whole segments, and what is still needed stays', async () => {
    const { folder, log } = await aged(20);
    const { oldestSeq, nextSeq } = log.head('a')!;
    expect(nextSeq).toBe(1200);
    // Seven days, and up to one segment more.
    expect(oldestSeq).toBeGreaterThanOrEqual(11 * 60);
    expect(oldestSeq).toBeLessThanOrEqual(13 * 60);
    expect(rowsOf(await readAll(log, 'quiet', 0, 99)).map(([seq]) => seq)).toEqual(
      Array.from({ length: 20 }, (_, i) => 10 + i),
    );
    expect((await segments(folder)).length).toBeLessThan(12);
    await log.close();
  });

  for (const jump of [3_600_000, 400 * day, -3_600_000, -400 * day]) {
    test(`a jump of the wall clock by ${jump / 3_600_000} h removes nothing for an hour`, async () => {
      const { folder, log, now, rule } = await aged(5);
      const before = await segments(folder);
      now.wall += jump;
      now.steady += 1000;
      for (let minute = 0; minute < 59; minute++) {
        await log.trim(rule);
        now.wall += 60_000;
        now.steady += 60_000;
      }
      expect(await segments(folder)).toEqual(before);
      now.wall += 120_000;
      now.steady += 120_000;
      await log.trim(rule);
      // Then the clock is believed: only what is old by it goes.
      const left = await segments(folder);
      expect(left.length < before.length).toBe(jump > 7 * day);
      await log.close();
    });
  }

  test('a clock that was wrong while no process ran removes nothing at once', async () => {
    const { folder, log, now, rule } = await aged(5);
    await log.close();
    const before = await segments(folder);
    const clock = { wall: () => now.wall + 400 * day, steady: () => 0 };
    const next = await segmentLog(folder, { clock });
    await next.trim(rule);
    expect(await segments(folder)).toEqual(before);
    await next.close();
  });

  test('where nearly all must be kept, nothing is written again and again', async () => {
    const folder = await freshFolder();
    const log = await segmentLog(folder, { segmentBytes: 2000 });
    const names = Array.from({ length: 30 }, (_, i) => `s${i}`);
    await log.commit(names.flatMap((name) => [streamRecord(name, 1), samplesRecord(name, 0, 40, 1)]));
    for (let n = 0; n < 400; n++) {
      await log.commit([samplesRecord('s0', 40 + n, 1, 1)]);
      await log.trim({ maxBytes: 3000, keepSamples: 100 });
    }
    const written = Number((await segments(folder)).at(-1)!.slice(0, 10)) * 2000;
    // 400 commits of 32 bytes and 30 streams of 400 bytes: some three times as much, not a copy of all at every commit.
    expect(written).toBeLessThan(400_000);
    for (const name of names) expect(rowsOf(await readAll(log, name, 0, 40)).at(-1)?.[0]).toBe(39);
    await log.close();
  });
});

describe('size on disk', () => {
  async function factor(channels: number, rows: number, stamp: (n: number) => number): Promise<number> {
    const folder = await freshFolder();
    const log = await segmentLog(folder, { segmentBytes: 256 * 1024, sync: 'normal' });
    await log.commit([streamRecord('a', channels), filterRecord('a', 0)]);
    const frames = Math.ceil(2e6 / (channels * rows * 4));
    for (let n = 0; n < frames; ) {
      const batch: SamplesRecord[] = [];
      for (; batch.length < 50 && n < frames; n++) {
        batch.push({ ...samplesRecord('a', n * rows, rows, channels), time: stamp(n), period: 10 });
      }
      await log.commit(batch);
    }
    await log.close();
    let bytes = 0;
    for (const name of await readdir(folder)) bytes += (await stat(join(folder, name))).size;
    return bytes / (frames * rows * channels * 4);
  }

  test('8 channels × 16 rows: at most 1.1 × the samples; 1 × 16: at most 1.5 ×, also where times are stamped on receipt', async () => {
    const even = (n: number): number => 1763e9 + n * 160;
    let random = 1;
    const stamped = (n: number): number => {
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
      // A daemon's stamp, a while late and on a clock 200 ppm off.
      return Math.round(even(n) * 1.0002 - 1763e9 * 0.0002 + (random / 2 ** 32) ** 4 * 300);
    };
    for (const stamp of [even, stamped]) {
      expect(await factor(8, 16, stamp)).toBeLessThanOrEqual(1.1);
      expect(await factor(1, 16, stamp)).toBeLessThanOrEqual(1.5);
    }
  });
});

describe('what does not fit', () => {
  test('a segment of a newer format is refused by name, and nothing is touched', async () => {
    const folder = await freshFolder();
    const log = await segmentLog(folder);
    await log.close();
    const [name] = await segments(folder);
    const path = join(folder, name!);
    const bytes = await readFile(path);
    for (let at = 0; at < bytes.length; at += 8)
      if (bytes[at + 4] === 0xf1 && bytes[at + 5] === 1) bytes[at + 5] = 2;
    await writeFile(path, bytes);
    for (const open of [segmentLog, readSegments]) {
      await expect(open(folder)).rejects.toMatchObject({
        code: 'logFormat',
        message: expect.stringContaining('expected format version 1, got 2') as string,
      });
    }
    expect(await readFile(path)).toEqual(bytes);
  });

  test('a record that is too large is refused, and the log goes on', async () => {
    const log: SampleLog = await segmentLog(await freshFolder());
    await log.commit([streamRecord('a', 1)]);
    const rows = 4.2e6;
    const large = { ...samplesRecord('a', 0, 1, 1), rows, planes: new Float32Array(rows) };
    await expect(log.commit([large])).rejects.toMatchObject({ code: 'logOrder' });
    await log.commit([samplesRecord('a', 0, 1, 1)]);
    await log.close();
  });
});

test('a batch larger than a segment is one commit all the same', async () => {
  const folder = await freshFolder();
  const log = await segmentLog(folder, { segmentBytes: 1000 });
  await log.commit([
    streamRecord('a'),
    ...Array.from({ length: 100 }, (_, n) => samplesRecord('a', n * 10, 10)),
  ]);
  await log.commit([samplesRecord('a', 1000, 10)]);
  await log.close();
  const reader = await readSegments(folder);
  expect(rowsOf(await readAll(reader, 'a', 0, 2000))).toHaveLength(1010);
  expect(reader.segments).toHaveLength(3);
  await reader.close();
});
