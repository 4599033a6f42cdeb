import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SegmentReader } from '../log/segmentReader.ts';
import { note } from './output.ts';
import { mustHold } from './streamInLog.ts';

export interface LogRange {
  readonly streams: readonly string[];
  readonly folder: string;
  /** How many of its newest seconds are taken of each stream; undefined: all that is held. */
  readonly last: number | undefined;
}

/**
 * What a daemon has kept of some streams, as recordings in files that are gone when `work` is done. The daemon may be
 * running.
 *
 * @throws FirtrendError `unknownStream`, `logFormat`; those of `work`
 */
export async function withLogRecordings<T>(
  { streams, folder, last }: LogRange,
  work: (files: readonly string[]) => Promise<T>,
): Promise<T> {
  const [{ readSegments }, { exportRows }, { writeParquet }] = await Promise.all([
    import('../log/segmentReader.ts'),
    import('./exportRows.ts'),
    import('../train/writeParquet.ts'),
  ]);
  const scratch = await mkdtemp(join(tmpdir(), 'firtrend-log-'));
  try {
    const log: SegmentReader = await readSegments(folder);
    const files: string[] = [];
    try {
      for (const stream of streams) mustHold(log, stream, folder);
      for (const stream of streams) {
        const { channels, rate, nextSeq, oldestSeq } = log.head(stream)!;
        const file = join(scratch, `${stream.replaceAll('/', '-')}.parquet`);
        const fromSeq = Math.max(oldestSeq, last === undefined ? 0 : nextSeq - Math.ceil(last * rate));
        const onDamaged = (from: number, to: number): void =>
          note(`${stream}: samples [${from}, ${to}) are damaged and left out`);
        const rows = exportRows(log, { stream, fromSeq, toSeq: nextSeq, loggedTimes: false, onDamaged });
        const columns = channels.map(({ name, offset }) => ({ name, double: offset !== 0 }));
        note(`${stream}: ${await writeParquet(file, columns, rows)} samples from the log`);
        files.push(file);
      }
    } finally {
      await log.close();
    }
    return await work(files);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
