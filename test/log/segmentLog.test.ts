import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { LogRecord } from '../../src/log/sampleLog.ts';
import { type SegmentLogOptions, segmentLog } from '../../src/log/segmentLog.ts';
import { readSegments } from '../../src/log/segmentReader.ts';
import { filterRecord, sampleLogContract, samplesRecord, streamRecord } from './contract.ts';
import { logModel } from './segmentModel.ts';

const folders: string[] = [];

async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'firtrend-log-'));
  folders.push(folder);
  return folder;
}

/** What a crash would leave: index files may be about to appear. */
async function copyLog(from: string, to: string, indexes: boolean): Promise<void> {
  for (const name of await readdir(from)) {
    if (!indexes && name.endsWith('.index')) continue;
    await copyFile(join(from, name), join(to, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
}

afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

const open = (options: SegmentLogOptions) => async () => segmentLog(await freshFolder(), options);
sampleLogContract('segments of 512 bytes', open({ segmentBytes: 512 }));
sampleLogContract('segments of 2 KiB, sync normal', open({ segmentBytes: 2048, sync: 'normal' }));

const names = ['a', 'b/c', 'quiet'];
const operation = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      type: fc.constant('samples' as const),
      stream: fc.nat(1),
      gap: fc.constantFrom(0, 0, 0, 5),
      rows: fc.integer({ min: 1, max: 20 }),
      late: fc.constantFrom(0, 0, 0, 1.5, -20, 1e7),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('samples' as const),
      stream: fc.constant(2),
      gap: fc.constant(0),
      rows: fc.integer({ min: 1, max: 9 }),
      late: fc.constant(0),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('filter' as const),
      stream: fc.nat(2),
      model: fc.constantFrom('m', 'n', 'none'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constantFrom('begin' as const, 'delete' as const),
      stream: fc.nat(2),
      channels: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 4, arbitrary: fc.constant({ type: 'commit' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('trim' as const), maxBytes: fc.constantFrom(1000, 3000, 8000) }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { type: 'restart' as const },
      { type: 'crash' as const },
      { type: 'lose indexes' as const },
    ),
  },
);

test('whatever is committed, trimmed, restarted and killed: the log holds what a plain model holds', async () => {
  const keepSamples = 30;
  await fc.assert(
    fc.asyncProperty(
      fc.array(operation, { minLength: 20, maxLength: 120 }),
      fc.constantFrom(400, 1000, 1e6),
      async (operations, segmentBytes) => {
        let folder = await freshFolder();
        let log = await segmentLog(folder, { segmentBytes });
        const model = logModel();
        const next = new Map<string, { seq: number; channels: number }>();
        let batch: LogRecord[] = [];
        let epochs = 0;
        const commit = async (): Promise<void> => {
          await log.commit(batch);
          model.commit(batch);
          batch = [];
        };
        const begin = (stream: string, channels: number): void => {
          batch.push(streamRecord(stream, channels, (++epochs).toString(16).padStart(16, '0')));
          next.set(stream, { seq: 0, channels });
        };
        for (const step of operations) {
          const stream = 'stream' in step ? names[step.stream]! : '';
          if (step.type === 'samples') {
            if (!next.has(stream)) begin(stream, 2);
            const at = next.get(stream)!;
            const record = samplesRecord(stream, at.seq + step.gap, step.rows, at.channels);
            batch.push({ ...record, time: record.time + step.late });
            at.seq += step.gap + step.rows;
          } else if (step.type === 'filter' && next.has(stream)) {
            const { seq } = next.get(stream)!;
            batch.push(
              step.model === 'none'
                ? { type: 'unfiltered', stream, seq, reason: 'none' }
                : filterRecord(stream, seq, step.model),
            );
          } else if (step.type === 'begin') {
            begin(stream, step.channels);
          } else if (step.type === 'delete' && next.has(stream)) {
            batch.push({ type: 'deleted', stream });
            next.delete(stream);
          } else if (step.type === 'commit') {
            await commit();
          } else if (step.type === 'trim') {
            await log.trim({ maxBytes: step.maxBytes, keepSamples });
          } else if (step.type === 'restart' || step.type === 'crash' || step.type === 'lose indexes') {
            await commit();
            const before = folder;
            if (step.type === 'restart') await log.close();
            else folder = await freshFolder();
            if (folder !== before) await copyLog(before, folder, step.type !== 'lose indexes');
            if (folder !== before) await log.close();
            const reader = await readSegments(folder);
            await model.compare(reader, keepSamples);
            expect(await reader.check()).toMatchObject({ damaged: [], lost: [] });
            await reader.close();
            log = await segmentLog(folder, { segmentBytes });
            await model.compare(log, keepSamples);
          }
        }
        await commit();
        await model.compare(log, keepSamples);
        await log.close();
        await rm(folder, { recursive: true });
      },
    ),
    { numRuns: Number(process.env.FIRTREND_LOG_RUNS ?? 40) },
  );
});
