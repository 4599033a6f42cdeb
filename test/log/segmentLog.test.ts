import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { type SegmentLogOptions, segmentLog } from '../../src/log/segmentLog.ts';
import { sampleLogContract } from './contract.ts';

const folders: string[] = [];

async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'firtrend-log-'));
  folders.push(folder);
  return folder;
}

afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

const open = (options: SegmentLogOptions) => async () => segmentLog(await freshFolder(), options);
sampleLogContract('segments of 512 bytes', open({ segmentBytes: 512 }));
sampleLogContract('segments of 2 KiB, sync normal', open({ segmentBytes: 2048, sync: 'normal' }));
