import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type {
  DamagedRecord,
  FilterRecord,
  LogRecord,
  SampleLog,
  SamplesRecord,
  StreamRecord,
} from '../../src/log/sampleLog.ts';

export function streamRecord(stream: string, channels = 2, epoch = '00000000000000e1'): StreamRecord {
  const named = Array.from({ length: channels }, (_, c) => ({ name: `c${c}`, offset: 0 }));
  return { type: 'stream', stream, epoch, channels: named, rate: 10 };
}

/** Sample (channel c, seq n) is n + c/10, so that what is read tells where it was written. */
export function samplesRecord(stream: string, seq: number, rows: number, channels = 2): SamplesRecord {
  const planes = Float32Array.from(
    { length: rows * channels },
    (_, i) => seq + (i % rows) + Math.floor(i / rows) / 10,
  );
  return { type: 'samples', stream, seq, rows, planes, time: 1e12 + seq * 100, period: 100 };
}

export function filterRecord(stream: string, seq: number, model = 'm'): FilterRecord {
  const kernels = [{ taps: new Float32Array([0.75, 0.25]), bias: 0 }];
  return {
    type: 'filter',
    stream,
    seq,
    kernels,
    sha256: '00',
    model,
    version: 1,
    minCoverage: 0.25,
    fingerprint: 'f',
  };
}

export async function readAll(
  log: Pick<SampleLog, 'read'>,
  stream: string,
  from: number,
  to: number,
): Promise<(LogRecord | DamagedRecord)[]> {
  const records: (LogRecord | DamagedRecord)[] = [];
  for await (const record of log.read(stream, from, to)) records.push(record);
  return records;
}

/** The seqs and values of channel 0 that a read gives, one entry a row. */
export function rowsOf(records: readonly (LogRecord | DamagedRecord)[]): [seq: number, value: number][] {
  return records.flatMap((record) =>
    record.type === 'samples'
      ? Array.from({ length: record.rows }, (_, i): [number, number] => [record.seq + i, record.planes[i]!])
      : [],
  );
}

/** What every adapter of `SampleLog` must do, run on each of them unchanged. `open` gives an empty log. */
export function sampleLogContract(name: string, open: () => Promise<SampleLog>): void {
  describe(`SampleLog contract: ${name}`, () => {
    test('nothing can be read before its commit resolves, all of it after', async () => {
      const log = await open();
      const commit = log.commit([streamRecord('a'), filterRecord('a', 0), samplesRecord('a', 0, 3)]);
      expect(log.head('a')).toBeUndefined();
      expect(await readAll(log, 'a', 0, 10)).toEqual([]);
      await commit;
      expect(await readAll(log, 'a', 0, 10)).toEqual([filterRecord('a', 0), samplesRecord('a', 0, 3)]);
      expect(log.head('a')).toMatchObject({
        epoch: '00000000000000e1',
        nextSeq: 3,
        oldestSeq: 0,
        newestTime: 1e12 + 200,
      });
      await log.close();
    });

    test('a batch with one wrong record leaves nothing of it', async () => {
      const log = await open();
      await log.commit([streamRecord('a'), samplesRecord('a', 0, 5)]);
      const wrong: [LogRecord, RegExp][] = [
        [samplesRecord('a', 4, 2), /samples\.seq: expected at least 6, got 4/],
        [samplesRecord('never', 0, 2), /never has not begun/],
        [{ ...samplesRecord('a', 7, 2), rows: 3 }, /3 rows × 2 channels, got 4 values/],
        [filterRecord('a', 2), /filter\.seq: expected at least 6, got 2/],
      ];
      for (const [record, message] of wrong) {
        await expect(log.commit([samplesRecord('a', 5, 1), record])).rejects.toThrow(message);
      }
      expect(log.head('a')?.nextSeq).toBe(5);
      expect(rowsOf(await readAll(log, 'a', 0, 99))).toHaveLength(5);
      await log.close();
    });

    test('one commit at a time', async () => {
      const log = await open();
      const first = log.commit([streamRecord('a')]);
      await expect(log.commit([streamRecord('b')])).rejects.toMatchObject({ code: 'logBusy' });
      await first;
      await log.commit([streamRecord('b')]);
      expect([...log.streams()].sort()).toEqual(['a', 'b']);
      await log.close();
    });

    test('positions only grow', async () => {
      const log = await open();
      const first = await log.commit([streamRecord('a')]);
      expect(await log.commit([samplesRecord('a', 0, 1)])).toBeGreaterThan(first);
      await log.close();
    });

    test('the filter in force comes first, and each where it takes effect', async () => {
      const log = await open();
      await log.commit([streamRecord('a'), filterRecord('a', 0, 'one'), samplesRecord('a', 0, 4)]);
      await log.commit([
        filterRecord('a', 4, 'two'),
        samplesRecord('a', 4, 4),
        filterRecord('a', 8, 'three'),
      ]);
      const order = (await readAll(log, 'a', 2, 99)).map((r) => (r.type === 'filter' ? r.model : r.type));
      expect(order).toEqual(['one', 'samples', 'two', 'samples', 'three']);
      const late = (await readAll(log, 'a', 5, 6)).map((r) => (r.type === 'filter' ? r.model : r.type));
      expect(late).toEqual(['two', 'samples']);
      expect(log.head('a')?.filter).toMatchObject({ model: 'three', seq: 8 });
      await log.close();
    });

    test('an empty or inverted range holds nothing', async () => {
      const log = await open();
      await log.commit([streamRecord('a'), filterRecord('a', 0), samplesRecord('a', 0, 9)]);
      expect(await readAll(log, 'a', 4, 4)).toEqual([]);
      expect(await readAll(log, 'a', 7, 3)).toEqual([]);
      await log.close();
    });

    test('a new epoch starts the numbering again and hides the old one', async () => {
      const log = await open();
      await log.commit([streamRecord('a'), samplesRecord('a', 0, 9)]);
      await log.commit([streamRecord('a', 3, '00000000000000e2'), samplesRecord('a', 0, 2, 3)]);
      expect(log.head('a')).toMatchObject({ epoch: '00000000000000e2', nextSeq: 2 });
      expect(rowsOf(await readAll(log, 'a', 0, 99))).toEqual([
        [0, 0],
        [1, 1],
      ]);
      await log.close();
    });

    test('trim keeps the newest samples of every stream, however old', async () => {
      const log = await open();
      await log.commit([streamRecord('quiet'), filterRecord('quiet', 0), samplesRecord('quiet', 0, 4)]);
      await log.commit([streamRecord('busy'), filterRecord('busy', 0)]);
      for (let seq = 0; seq < 1000; seq += 10) await log.commit([samplesRecord('busy', seq, 10)]);
      await log.trim({ maxBytes: 2000, keepSamples: 8 });
      expect(rowsOf(await readAll(log, 'quiet', 0, 99))).toHaveLength(4);
      const busy = rowsOf(await readAll(log, 'busy', 0, 1000)).map(([seq]) => seq);
      expect(busy.length).toBeGreaterThanOrEqual(8);
      expect(busy.length).toBeLessThanOrEqual(250);
      expect(busy.at(-1)).toBe(999);
      expect(log.head('busy')).toMatchObject({ nextSeq: 1000, oldestSeq: busy[0] });
      expect((await readAll(log, 'busy', 990, 1000))[0]).toMatchObject({ type: 'filter', seq: 0 });
      await log.close();
    });

    test('a deleted stream is gone, and may begin again', async () => {
      const log = await open();
      await log.commit([
        streamRecord('a'),
        filterRecord('a', 0),
        samplesRecord('a', 0, 9),
        streamRecord('b'),
      ]);
      await expect(log.commit([{ type: 'deleted', stream: 'never' }])).rejects.toThrow(/never has not begun/);
      await expect(log.commit([{ type: 'deleted', stream: 'a' }, samplesRecord('a', 9, 1)])).rejects.toThrow(
        /samples: the stream a has not begun/,
      );
      await log.commit([{ type: 'deleted', stream: 'a' }]);
      expect(log.streams()).toEqual(['b']);
      expect(log.head('a')).toBeUndefined();
      expect(await readAll(log, 'a', 0, 99)).toEqual([]);
      await log.commit([
        { type: 'deleted', stream: 'b' },
        streamRecord('b', 1, 'e0000000000000e2'),
        streamRecord('a'),
      ]);
      await log.commit([samplesRecord('a', 0, 2)]);
      expect(log.head('b')).toMatchObject({ epoch: 'e0000000000000e2', nextSeq: 0, filter: undefined });
      expect(rowsOf(await readAll(log, 'a', 0, 99))).toHaveLength(2);
      await log.close();
    });

    test('everything a record says comes back bit for bit', async () => {
      const log = await open();
      const channels = [
        { name: 'p', unit: 'hPa', offset: 101325.1 },
        { name: 'Größe', offset: -0.1 },
        { name: 'q', unit: '', offset: 0 },
      ];
      const begin: StreamRecord = {
        type: 'stream',
        stream: 'site/ü',
        epoch: 'ffffffffffffffff',
        channels,
        rate: 1 / 3,
      };
      const bits = Uint32Array.of(0x7fc00001, 0xffc12345, 0x80000000, 1, 0x7f7fffff, 0x00800000);
      const planes = new Float32Array(bits.buffer);
      const samples: SamplesRecord = {
        type: 'samples',
        stream: 'site/ü',
        seq: 2 ** 52 + 1,
        rows: 2,
        planes,
        time: 1763e9 + 1 / 3,
        period: 1000 / 3,
      };
      const filter: FilterRecord = {
        ...filterRecord('site/ü', 2 ** 52 + 1),
        kernels: [
          { taps: Float32Array.of(0.6, 0.4), bias: 0.1 },
          { taps: Float32Array.of(1), bias: -2 },
          { taps: Float32Array.of(0.5, 0.5, 0), bias: 0 },
        ],
        sha256: 'ab'.repeat(32),
        minCoverage: 1 / 258,
        fingerprint: 'onnxruntime 1.30 · ü',
      };
      const unfiltered = {
        type: 'unfiltered',
        stream: 'site/ü',
        seq: 2 ** 52 + 3,
        reason: 'rateMismatch: 1 Hz',
      } as const;
      await log.commit([begin, filter, samples, unfiltered]);
      const read = await readAll(log, 'site/ü', 0, Number.MAX_SAFE_INTEGER);
      expect(read).toEqual([filter, samples, unfiltered]);
      expect(new Uint32Array((read[1] as SamplesRecord).planes.buffer)).toEqual(bits);
      expect(log.head('site/ü')).toEqual({
        epoch: 'ffffffffffffffff',
        channels,
        rate: 1 / 3,
        nextSeq: 2 ** 52 + 3,
        oldestSeq: 0,
        newestTime: 1763e9 + 1 / 3 + 1000 / 3,
        filter: unfiltered,
        proven: true,
      });
      await log.close();
    });

    test('times and periods of any kind come back as they were', async () => {
      const period = fc.oneof(
        fc.constantFrom(100, 15.625, 1000 / 60, 1e-6),
        fc.double({ min: 1e-6, max: 1e12, noNaN: true }),
      );
      const time = fc.oneof(
        fc.integer({ min: 1763e9, max: 1763e9 + 5000 }),
        fc.double({ min: -8.64e15, max: 8.64e15, noNaN: true }),
      );
      const frame = fc.record({
        rows: fc.integer({ min: 1, max: 3 }),
        clock: fc.option(fc.record({ time, period }), { freq: 3 }),
        late: fc.constantFrom(0, 0, 0, 0.25, 3, -7, 1e5),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 60 }), period, async (frames, first) => {
          const log = await open();
          const written: SamplesRecord[] = [];
          let due = 1763e9;
          let every = first;
          let seq = 0;
          for (const { rows, clock, late } of frames) {
            if (clock) [due, every] = [clock.time, clock.period];
            written.push({ ...samplesRecord('a', seq, rows), time: due + late, period: every });
            seq += rows;
            due += rows * every;
          }
          await log.commit([streamRecord('a'), ...written]);
          expect(await readAll(log, 'a', 0, seq)).toEqual(written);
          expect(log.head('a')?.newestTime).toBe(written.at(-1)!.time + (written.at(-1)!.rows - 1) * every);
          await log.close();
        }),
        { numRuns: 40 },
      );
    });

    test('a read tells what was committed when it began, whatever is committed meanwhile', async () => {
      const log = await open();
      await log.commit([streamRecord('a'), filterRecord('a', 0)]);
      for (let seq = 0; seq < 50; seq++) await log.commit([samplesRecord('a', seq, 1)]);
      const seqs: number[] = [];
      for await (const record of log.read('a', 10, 1000)) {
        if (record.type !== 'samples') continue;
        seqs.push(record.seq);
        if (seqs.length < 20) await log.commit([samplesRecord('a', 49 + seqs.length, 1)]);
      }
      expect(seqs).toEqual(Array.from({ length: 40 }, (_, i) => 10 + i));
      await log.close();
    });

    test('after close every verb refuses', async () => {
      const log = await open();
      await log.close();
      await expect(log.commit([streamRecord('a')])).rejects.toMatchObject({ code: 'logClosed' });
      await expect(readAll(log, 'a', 0, 1)).rejects.toMatchObject({ code: 'logClosed' });
    });

    test('any history of frames and gaps reads back in any range as it was written', async () => {
      const frames = fc.array(
        fc.record({ gap: fc.nat(3), rows: fc.integer({ min: 1, max: 9 }), cut: fc.boolean() }),
        {
          minLength: 1,
          maxLength: 25,
        },
      );
      await fc.assert(
        fc.asyncProperty(frames, fc.nat(100), fc.nat(100), async (history, from, length) => {
          const log = await open();
          const written: number[] = [];
          const batch: LogRecord[] = [streamRecord('a')];
          let seq = 0;
          for (const { gap, rows, cut } of history) {
            seq += gap;
            batch.push(samplesRecord('a', seq, rows));
            for (let i = 0; i < rows; i++) written.push(seq + i);
            seq += rows;
            if (cut) await log.commit(batch.splice(0));
          }
          await log.commit(batch.splice(0));
          const expected = written.filter((n) => n >= from && n < from + length);
          const records = await readAll(log, 'a', from, from + length);
          expect(rowsOf(records)).toEqual(expected.map((n) => [n, n]));
          for (const record of records) {
            if (record.type === 'samples') expect(record.time).toBe(1e12 + record.seq * 100);
          }
          await log.close();
        }),
        { numRuns: 50 },
      );
    });
  });
}
