import { checkedBatch } from './checkedBatch.ts';
import { logError } from './logError.ts';
import type { LogRecord, SampleLog } from './sampleLog.ts';
import { appender } from './segments/appender.ts';
import { batchWriter } from './segments/batchWriter.ts';
import { readBootId } from './segments/bootId.ts';
import { bytesHeld, type Catalog, type Run } from './segments/catalog.ts';
import { makeFolder, removeLeftovers } from './segments/folder.ts';
import { headOf } from './segments/head.ts';
import { load } from './segments/load.ts';
import { lockFolder } from './segments/lock.ts';
import { readStream } from './segments/readStream.ts';
import { headerBytes, maxNumber, maxPayload } from './segments/record.ts';
import { type Clock, retention } from './segments/retention.ts';
import { segmentFiles } from './segments/segmentFiles.ts';

export interface SegmentLogOptions {
  /**
   * What a commit waits for. `full` (default): until the disk has it, so it survives a loss of power. `normal`: until
   * the operating system has it; the disk follows within 100 ms, so it survives the end of the process.
   */
  readonly sync?: 'full' | 'normal';
  /** Bytes after which a new segment is begun; 64 MiB by default. */
  readonly segmentBytes?: number;
  /** How often a full disk is tried again (ms); each second by default. */
  readonly retryDelay?: number;
  readonly clock?: Clock;
  /** Names this life of the machine; the system's by default. */
  readonly bootId?: string;
  /** Nothing that was acknowledged before is proven to be held, for this reason: each stream begins a new epoch. */
  readonly doubt?: string;
  /** The salt of a new segment's checksums; random by default. */
  readonly salt?: () => number;
  /** Called with true when no space is left: commits wait; with false when there is again. */
  readonly onFull?: (full: boolean) => void;
  /** Called once when storage has failed and nothing can be committed any more: the process should end. */
  readonly onBroken?: (error: Error) => void;
}

/** Also so many records make a segment, so that a scan of the last one is quick. */
const segmentRecords = 2 ** 19;

/**
 * The log of one machine: append-only segment files in a folder (docs/reliability.md). Opening takes ownership.
 *
 * @throws FirtrendError `logInUse`; `logFormat`; `logBroken`
 */
export async function segmentLog(folder: string, options: SegmentLogOptions = {}): Promise<SampleLog> {
  await makeFolder(folder);
  const unlock = await lockFolder(folder);
  try {
    return await owned(folder, unlock, options);
  } catch (error) {
    await unlock();
    throw error;
  }
}

async function owned(
  folder: string,
  unlock: () => Promise<void>,
  {
    sync = 'full',
    segmentBytes = 64 * 1024 * 1024,
    retryDelay = 1000,
    clock = { wall: Date.now, steady: () => performance.now() },
    bootId,
    doubt,
    salt,
    onFull = () => undefined,
    onBroken = () => undefined,
  }: SegmentLogOptions,
): Promise<SampleLog> {
  await removeLeftovers(folder);
  const files = segmentFiles(folder);
  const { catalog, open, openBytes, unindexed } = await load(folder, files);
  const writer = batchWriter(catalog, clock.wall);
  const out = await appender(
    catalog,
    { folder, sync, segmentBytes, segmentRecords, retryDelay, salt, onFull, onBroken },
    open && { segment: open, bytes: openBytes },
  );
  for (const { segment, ...index } of unindexed) out.index(segment, index);
  const keep = retention(catalog, files, folder, writer, out, clock);
  let committing = false;
  let closed = false;
  let busy: Promise<unknown> = Promise.resolve();

  function mustBeOpen(): void {
    if (closed) throw logError('logClosed', 'the log is closed');
    out.mustWork();
  }

  /** One writer at a time: a commit, or a step of trimming. */
  function alone<T>(work: () => Promise<T>): Promise<T> {
    const done = busy.then(work);
    busy = done.catch(() => undefined);
    return done;
  }

  async function append(bytes: number, fill: () => void): Promise<number> {
    const segment = await out.room(bytes);
    writer.begin(segment);
    fill();
    await out.append(writer);
    return segment.number * 2 ** 32 + segment.size / 8;
  }

  const run: Run = { sync, bootId: bootId ?? (await readBootId()) };
  const reason =
    doubt ?? (proven(catalog, run) ? undefined : 'after sync: normal the machine was started again');
  await append(0, () => {
    if (reason !== undefined) writer.doubt(reason);
    writer.start(run, clock.wall());
  });

  return {
    durability: sync,
    get bytes() {
      return bytesHeld(catalog);
    },

    async commit(batch) {
      mustBeOpen();
      if (committing)
        throw logError('logBusy', 'commit: another commit is under way; gather records meanwhile');
      checkedBatch(batch, (stream) => catalog.byName.get(stream));
      if (catalog.nextStream + batch.length >= maxNumber) {
        throw logError('logOrder', `stream: the log numbers up to ${maxNumber} lives of streams, and has`);
      }
      const records = [...batch];
      const bytes = mustFit(records);
      committing = true;
      try {
        return await alone(() =>
          append(bytes, () => {
            for (const record of records) writer.decision(record);
          }),
        );
      } finally {
        committing = false;
      }
    },

    async *read(name, fromSeq, toSeq) {
      if (closed) throw logError('logClosed', 'the log is closed');
      const stream = catalog.byName.get(name);
      if (stream && fromSeq < toSeq) yield* readStream(catalog, files, stream, fromSeq, toSeq);
    },

    head: (name) => headOf(catalog, catalog.byName.get(name)),
    streams: () => [...catalog.byName.keys()],

    async trim(rule) {
      mustBeOpen();
      if (keep.due(rule)) await alone(() => keep.step(rule));
    },

    async close() {
      if (closed) return;
      closed = true;
      out.giveUp();
      await alone(async () => {
        try {
          await append(0, () => writer.stop(clock.wall()));
          await out.settle();
        } finally {
          await Promise.all([out.close(), files.close()]);
          await unlock();
        }
      }).catch((error: Error & { code?: string }) => {
        // Told by onBroken, or by the commits that waited for space: what was acknowledged is safe.
        if (error.code !== 'logBroken' && error.code !== 'logFull') throw error;
      });
    },
  };
}

/** Whether all that was acknowledged is held: writes that were not synced outlive their process, not their machine. */
function proven({ run, stopped }: Catalog, now: Run): boolean {
  if (!run || run.sync === 'full' || stopped) return true;
  return run.bootId !== undefined && run.bootId === now.bootId;
}

/** @returns about how many bytes the records take. @throws FirtrendError `logOrder` for one that is too large */
function mustFit(records: readonly LogRecord[]): number {
  let bytes = 0;
  for (const record of records) {
    let length = 512;
    if (record.type === 'samples') length = record.planes.byteLength + 16;
    if (record.type === 'stream') length = Buffer.byteLength(JSON.stringify(record));
    if (record.type === 'filter') {
      for (const { taps } of record.kernels) length += taps.byteLength + 32;
    }
    if (length >= maxPayload) {
      throw logError(
        'logOrder',
        `${record.type}: expected a record below ${maxPayload} bytes, got about ${length}`,
      );
    }
    bytes += headerBytes + length;
  }
  return bytes;
}
