import { close, fdatasync, ftruncate, open, write } from 'node:fs';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { logError } from '../logError.ts';
import { syncWithin } from '../sampleLog.ts';
import type { BatchWriter } from './batchWriter.ts';
import { type Catalog, newestNumber, newSegment, type Segment } from './catalog.ts';
import { applyChange } from './change.ts';
import { randomSalt, segmentPath, syncFolder, writeIndex } from './folder.ts';
import { type EncodedIndex, encodeIndex } from './indexFile.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const writeAt = promisify(write);
const syncFile = promisify(fdatasync);
const truncateFile = promisify(ftruncate);

/** Under `sync: normal`, how long after a write its sync begins (ms): the other half is for the disk. */
const syncDelay = syncWithin / 2;

export interface AppenderOptions {
  readonly folder: string;
  readonly sync: 'full' | 'normal';
  /** A segment that has reached this is complete. */
  readonly segmentBytes: number;
  readonly segmentRecords: number;
  /** How often a full disk is tried again (ms). */
  readonly retryDelay: number;
  /** The salt of a new segment. */
  readonly salt?: (() => number) | undefined;
  /** Called with true when no space is left, with false when there is again. */
  readonly onFull: (full: boolean) => void;
  /** Called once, when nothing can be written any more. */
  readonly onBroken: (error: Error) => void;
}

/** Writes commits to the end of the last segment and begins new ones. One call at a time. */
export interface Appender {
  /** Room for so many bytes in the segment that is written to, which may be a new one. */
  room(bytes: number): Promise<Segment>;
  /**
   * Writes what the batch writer holds, to the promise of `sync`, and takes it into the catalog.
   *
   * @returns how many bytes it took
   * @throws FirtrendError `logBroken`; `logFull` when given up while no space was left
   */
  append(batch: BatchWriter): Promise<number>;
  /** Writes the index file of a complete segment, after those asked for before. */
  index(segment: Segment, index: EncodedIndex): void;
  /** Everything written is on the disk. */
  settle(): Promise<void>;
  /** Waits for no more space. */
  giveUp(): void;
  mustWork(): void;
  /** Runs what ends the log when it fails. */
  surely<T>(work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** @param open the segment to go on with, and the bytes in its file: what a torn commit left there is cut off */
export async function appender(
  catalog: Catalog,
  options: AppenderOptions,
  opened: { readonly segment: Segment; readonly bytes: number } | undefined,
): Promise<Appender> {
  const { folder, sync } = options;
  let segment = opened?.segment;
  let fd = -1;
  let broken: Error | undefined;
  let givenUp = false;
  let wake: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let syncing: Promise<void> | undefined;
  let indexing: Promise<void> = Promise.resolve();

  function fail(cause: unknown): Error {
    if (broken) return broken;
    const why = cause instanceof Error ? cause.message : String(cause);
    broken = logError('logBroken', `the log can hold nothing more: ${why}`, { cause });
    options.onBroken(broken);
    return broken;
  }

  /** Runs what must not fail: a retry after a failed sync would report success for data that is lost. */
  async function surely<T>(work: () => Promise<T>): Promise<T> {
    mustWork();
    try {
      return await work();
    } catch (error) {
      throw fail(error);
    }
  }

  function mustWork(): void {
    if (broken) throw broken;
  }

  /** Tries until there is space; `undo` takes back what a try has left. */
  async function withSpace(attempt: () => Promise<void>, undo: () => Promise<void>): Promise<void> {
    for (let full = false; ; ) {
      mustWork();
      try {
        await attempt();
        if (full) options.onFull(false);
        return;
      } catch (error) {
        if (!isFull(error)) throw fail(error);
        await surely(undo);
        if (!full) options.onFull(true);
        full = true;
        if (givenUp) throw logError('logFull', 'no space is left for the log', { cause: error });
        await new Promise<void>((resolve) => {
          const retry = setTimeout(resolve, options.retryDelay);
          wake = () => {
            clearTimeout(retry);
            resolve();
          };
        });
      }
    }
  }

  async function writeAll(bytes: Buffer, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += (await writeAt(fd, bytes, done, bytes.length - done, position + done)).bytesWritten;
    }
  }

  function syncSoon(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      const work = surely(() => syncFile(fd)).catch(() => undefined);
      syncing = work.then(() => undefined);
    }, syncDelay);
  }

  async function settleData(): Promise<void> {
    if (timer) clearTimeout(timer);
    const due = timer !== undefined;
    timer = undefined;
    await syncing;
    syncing = undefined;
    if (due) await surely(() => syncFile(fd));
  }

  async function begin(number: number): Promise<void> {
    const made = newSegment(number, (options.salt ?? randomSalt)());
    const path = segmentPath(folder, made, 'segment');
    let opening: number | undefined;
    await withSpace(
      async () => {
        opening = await openFile(path, 'wx+', 0o640);
      },
      async () => {
        await rm(path, { force: true });
      },
    );
    await surely(() => syncFolder(folder));
    if (fd >= 0) await surely(() => closeFile(fd));
    fd = opening!;
    segment = made;
    catalog.segments.set(number, made);
  }

  function index(complete: Segment, { bytes, blocks }: EncodedIndex): void {
    indexing = indexing.then(async () => {
      if (broken || complete.removed) return;
      try {
        await writeIndex(folder, complete, bytes);
      } catch (error) {
        // The next start makes it anew.
        if (!isFull(error)) fail(error);
        return;
      }
      for (const [held, block] of blocks) {
        if (complete.streams?.get(held.stream) !== held) continue;
        const place = held.stream.segments.lastIndexOf(complete.number);
        if (place >= 0) held.stream.blocks[place] = block;
      }
      complete.indexBytes = bytes.length;
      complete.streams = undefined;
    });
  }

  if (opened) {
    fd = await openFile(segmentPath(folder, opened.segment, 'segment'), 'r+');
    if (opened.bytes !== opened.segment.size) {
      await surely(() => truncateFile(fd, opened.segment.size));
      await surely(() => syncFile(fd));
    }
  }

  return {
    async room(bytes) {
      mustWork();
      const { segmentBytes, segmentRecords } = options;
      const fits =
        segment &&
        (segment.size + bytes <= segmentBytes || segment.size === 0) &&
        segment.records < segmentRecords;
      if (segment && !fits) {
        await settleData();
        index(segment, encodeIndex(catalog, segment));
      }
      if (!segment || !fits) await begin(newestNumber(catalog) + 1);
      return segment!;
    },

    async append(batch) {
      const encoded = batch.end();
      if (!encoded) return 0;
      const { size } = segment!;
      await withSpace(
        () => writeAll(encoded.bytes, size),
        () => truncateFile(fd, size),
      );
      if (sync === 'full') await surely(() => syncFile(fd));
      else syncSoon();
      segment!.size = size + encoded.bytes.length;
      for (const change of encoded.changes) applyChange(catalog, segment!, change);
      return encoded.bytes.length;
    },

    index,
    settle: settleData,
    mustWork,
    surely,

    giveUp() {
      givenUp = true;
      wake?.();
    },

    async close() {
      if (timer) clearTimeout(timer);
      timer = undefined;
      await syncing;
      await indexing;
      if (fd >= 0) await closeFile(fd);
      fd = -1;
    },
  };
}

function isFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT';
}
