/**
 * The segment log on this machine's disk: commits beside the disk's own sync, and what starting and reading cost. Needs
 * 1 GB in the folder for temporary files (`TMPDIR` names another one).
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FilterRecord, SamplesRecord } from '../../src/log/sampleLog.ts';
import { segmentLog } from '../../src/log/segmentLog.ts';
import { sampleTaps } from '../../test/support/models.ts';
import { medians, table } from './measure.ts';

export async function benchLog(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'firtrend-bench-log-'));
  try {
    return [await commits(folder), await sizes(folder), await reading(folder)].join('\n\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The samples of all frames of a shape: making them is not what is measured. */
const planesOf = new Map<number, Float32Array>();

function frame(stream: string, seq: number, channels: number, rows: number): SamplesRecord {
  const length = channels * rows;
  const planes = planesOf.get(length) ?? Float32Array.from({ length }, (_, i) => Math.sin(i));
  planesOf.set(length, planes);
  return { type: 'samples', stream, seq, rows, planes, time: 1763e9 + seq * 10, period: 10 };
}

function filter(stream: string, taps: Float32Array): FilterRecord {
  const kernels = [{ taps, bias: 0 }];
  return {
    type: 'filter',
    stream,
    seq: 0,
    kernels,
    sha256: 'ab',
    model: 'm',
    version: 1,
    minCoverage: 0.01,
    fingerprint: 'f',
  };
}

const begin = (stream: string, channels: number) => ({
  type: 'stream' as const,
  stream,
  epoch: '00000000000000e1',
  channels: Array.from({ length: channels }, (_, c) => ({ name: `c${c}`, offset: 0 })),
  rate: 100,
});

/** A commit of some frames beside one write and one sync of as many bytes. */
async function commits(folder: string): Promise<string> {
  const rows = 16;
  const lines = [];
  for (const [channels, frames] of [
    [8, 1],
    [8, 64],
    [64, 16],
  ] as const) {
    const full = await segmentLog(join(folder, `full-${channels}-${frames}`), { sync: 'full' });
    const normal = await segmentLog(join(folder, `normal-${channels}-${frames}`), { sync: 'normal' });
    for (const log of [full, normal]) await log.commit([begin('a', channels)]);
    const disk = await open(join(folder, 'disk'), 'w');
    const bytes = Buffer.alloc(frames * channels * rows * 4, 1);
    let position = 0;
    const next = new Map([
      [full, 0],
      [normal, 0],
    ]);
    const commit = (log: typeof full) => async (): Promise<undefined> => {
      const first = next.get(log)!;
      next.set(log, first + frames * rows);
      await log.commit(
        Array.from({ length: frames }, (_, i) => frame('a', first + i * rows, channels, rows)),
      );
    };
    const ms = await medians(
      [
        {
          name: 'disk',
          run: async () => {
            position = await writeSynced(disk, bytes, position);
            return undefined;
          },
        },
        { name: 'full', run: commit(full) },
        { name: 'normal', run: commit(normal) },
      ],
      { rounds: 60 },
    );
    await Promise.all([full.close(), normal.close(), disk.close()]);
    const time = (name: string): string => ms.get(name)!.toFixed(3);
    lines.push([
      `${frames} × (${channels} × ${rows})`,
      time('disk'),
      `${time('full')} (${(1000 / ms.get('full')!).toFixed(0)}/s, ${(bytes.length / 1000 / ms.get('full')!).toFixed(1)} MB/s)`,
      time('normal'),
      (ms.get('disk')! / ms.get('full')!).toFixed(2),
    ]);
  }
  return table(
    [
      'frames in a commit',
      'write + fdatasync of as many bytes (ms)',
      'commit, sync: full (ms)',
      'sync: normal (ms)',
      'disk ÷ full',
    ],
    lines,
  );
}

async function writeSynced(file: FileHandle, bytes: Buffer, position: number): Promise<number> {
  await file.write(bytes, 0, bytes.length, position);
  await file.datasync();
  return position + bytes.length;
}

async function sizes(folder: string): Promise<string> {
  const lines = [];
  for (const [streams, channels, rows] of [
    [1, 8, 16],
    [1, 1, 16],
    [1000, 8, 16],
    [10_000, 8, 16],
    [1000, 1, 16],
  ] as const) {
    const at = join(folder, `size-${streams}-${channels}-${rows}`);
    const log = await segmentLog(at, { sync: 'normal' });
    const names = Array.from({ length: streams }, (_, s) => `site/${s}`);
    for (let s = 0; s < streams; s += 500)
      await log.commit(names.slice(s, s + 500).map((name) => begin(name, channels)));
    const perStream = Math.max(2, Math.floor(200e6 / (streams * channels * rows * 4)));
    const began = performance.now();
    let batch: SamplesRecord[] = [];
    for (let n = 0; n < perStream; n++) {
      for (const name of names) {
        batch.push(frame(name, n * rows, channels, rows));
        if (batch.length < 500) continue;
        await log.commit(batch);
        batch = [];
      }
    }
    if (batch.length > 0) await log.commit(batch);
    await log.close();
    const seconds = (performance.now() - began) / 1000;
    const raw = perStream * streams * channels * rows * 4;
    const bytes = readdirSync(at).reduce((sum, name) => sum + statSync(join(at, name)).size, 0);
    lines.push([
      streams,
      `${channels} × ${rows}`,
      (raw / 1e6).toFixed(0),
      (raw / 1e6 / seconds).toFixed(0),
      (bytes / raw).toFixed(3),
    ]);
    rmSync(at, { recursive: true });
  }
  return table(
    ['streams', 'frame', 'samples (MB)', 'written, sync: normal (MB/s)', 'on disk ÷ samples'],
    lines,
  );
}

/** Starting and reading, with 1,000 streams whose kernels have 257 taps, after a kill: the last segment is scanned. */
async function reading(folder: string): Promise<string> {
  const at = join(folder, 'many');
  const streams = Array.from({ length: 1000 }, (_, s) => `site/${s}`);
  const taps = sampleTaps(257);
  const log = await segmentLog(at, { sync: 'normal' });
  await log.commit(streams.flatMap((name) => [begin(name, 8), filter(name, taps)]));
  const frames = 300;
  for (let n = 0; n < frames; n++) {
    for (let s = 0; s < 1000; s += 500)
      await log.commit(streams.slice(s, s + 500).map((name) => frame(name, n * 16, 8, 16)));
  }
  // A killed process leaves its files; a copy of the lock is nobody's.
  const copy = join(folder, 'killed');
  const { cpSync } = await import('node:fs');
  cpSync(at, copy, { recursive: true });
  await log.close();
  const times: number[] = [];
  for (let round = 0; round < 3; round++) {
    const began = performance.now();
    const next = await segmentLog(copy);
    times.push(performance.now() - began);
    if (round < 2) {
      await next.close();
      continue;
    }
    const warm = performance.now();
    let held = 0;
    for (const name of streams) {
      for await (const record of next.read(name, frames * 16 - 256, frames * 16))
        held += record.type === 'samples' ? record.rows : 0;
    }
    const warmed = performance.now() - warm;
    const whole = performance.now();
    for await (const record of next.read('site/7', 0, frames * 16))
      held += record.type === 'samples' ? record.rows : 0;
    const one = performance.now() - whole;
    await next.close();
    return table(
      ['1,000 streams of 8 channels, K = 257, 3 segments', 'ms'],
      [
        ['start after kill -9 (scans the last segment)', times[0]!.toFixed(0)],
        ['start after a clean stop', times[1]!.toFixed(0)],
        ['the last 256 samples of all 1,000, one after the other', warmed.toFixed(0)],
        [`one stream's ${frames * 16} samples`, one.toFixed(1)],
        ['rows read', held],
      ],
    );
  }
  throw new Error('no round was left');
}
