import { execFileSync } from 'node:child_process';
import { copyFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { segmentLog } from '../../src/log/segmentLog.ts';
import { readSegments, type SegmentReader } from '../../src/log/segmentReader.ts';
import { filterRecord, readAll, samplesRecord, streamRecord } from './contract.ts';

const golden = join(import.meta.dirname, '../golden/log');
const expected: unknown = JSON.parse(await readFile(join(golden, 'expected.json'), 'utf8'));
const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

/** What a reader tells, in the terms of segments.py, the second implementation. */
async function told(log: Pick<SegmentReader, 'read' | 'head' | 'streams'>): Promise<unknown> {
  const found: Record<string, unknown> = {};
  for (const name of [...log.streams()].sort()) {
    const { epoch, channels, rate, nextSeq, proven } = log.head(name)!;
    const samples: unknown[] = [];
    const filters: unknown[] = [];
    for (const record of await readAll(log, name, 0, Number.MAX_SAFE_INTEGER)) {
      if (record.type === 'samples') {
        const { seq, rows, time, period, planes } = record;
        samples.push([seq, rows, time, period, Buffer.from(planes.buffer).toString('hex')]);
      } else if (record.type === 'filter') {
        const { type: _, stream: __, kernels, ...rest } = record;
        filters.push({ ...rest, kernels: kernels.map(({ bias, taps }) => ({ bias, taps: [...taps] })) });
      } else if (record.type === 'unfiltered') {
        filters.push({ seq: record.seq, reason: record.reason });
      }
    }
    found[name] = { epoch, channels, rate, nextSeq, proven, samples, filters };
  }
  // As JSON has it, and without what is undefined.
  return JSON.parse(JSON.stringify(found));
}

async function copyOfGolden(indexes: boolean): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'firtrend-golden-'));
  folders.push(folder);
  for (const name of await readdir(golden)) {
    if (indexes || name.endsWith('.segment')) await copyFile(join(golden, name), join(folder, name));
  }
  return folder;
}

test('segments of format version 1 are read for ever', async () => {
  const log = await readSegments(golden);
  expect(await told(log)).toEqual(expected);
  const { lost } = await log.check();
  expect(lost).toEqual([{ stream: 'quiet', fromSeq: 0, toSeq: 8 }]);
  await log.close();
});

test('their index files hold nothing that the segments do not', async () => {
  const log = await readSegments(await copyOfGolden(false));
  expect(await told(log)).toEqual(expected);
  await log.close();
});

test('a writer goes on where they end', async () => {
  const folder = await copyOfGolden(true);
  const log = await segmentLog(folder);
  expect(await told(log)).toEqual(expected);
  await log.commit([samplesRecord('new', 1, 2, 1)]);
  await log.close();
  const reader = await readSegments(folder);
  expect(reader.head('new')).toMatchObject({ nextSeq: 3, epoch: '0000000000000006' });
  await reader.close();
});

test.skipIf(!python())(
  `another program reads what is written, by the description of the format alone${python() ? '' : ' [skipped: no python3]'}`,
  async () => {
    expect(JSON.parse(execFileSync(python()!, [script, golden], { encoding: 'utf8' }))).toEqual(expected);
    const folder = await mkdtemp(join(tmpdir(), 'firtrend-golden-'));
    folders.push(folder);
    const log = await segmentLog(folder, { segmentBytes: 4096 });
    for (let n = 0; n < 100; n++) {
      const name = ['a', 'b', 'c'][n % 3]!;
      const batch = n < 3 ? [streamRecord(name, n + 1), filterRecord(name, 0)] : [];
      const seq = log.head(name)?.nextSeq ?? 0;
      if (n % 20 === 19) await log.commit([filterRecord(name, seq, `m${n}`)]);
      const record = samplesRecord(name, seq + (n % 7 === 6 ? 2 : 0), 1 + (n % 9), (n % 3) + 1);
      await log.commit([...batch, { ...record, time: record.time + (n % 5) / 7 }]);
      if (n % 10 === 9) await log.trim({ maxBytes: 12_000, keepSamples: 20 });
    }
    const ours = await told(log);
    await log.close();
    // What is held of the filters before the oldest sample is nobody's concern.
    expect(JSON.parse(execFileSync(python()!, [script, folder], { encoding: 'utf8' }))).toEqual(ours);
  },
);

const script = join(import.meta.dirname, 'segments.py');

/** Any will do: the script needs no packages. */
function python(): string | undefined {
  for (const command of [process.env.FIRTREND_PYTHON, 'python3']) {
    try {
      if (command) execFileSync(command, ['-c', ''], { stdio: 'ignore' });
      if (command) return command;
    } catch {
      // The next one, if any.
    }
  }
  return undefined;
}
