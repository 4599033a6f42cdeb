import { close, open, read } from 'node:fs';
import { promisify } from 'node:util';
import { blockCache } from './blockCache.ts';
import type { Segment } from './catalog.ts';
import { segmentPath } from './folder.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const readFile = promisify(read);

/** So many files are kept open for readers. */
const mostOpen = 64;
/** Longer pieces are read as they are: whoever goes through a whole segment is not to push out what others share. */
const mostCached = 65_536;

interface OpenFile {
  readonly fd: Promise<number>;
  users: number;
}

/** The files of a log, for reading. */
export interface SegmentFiles {
  /** Fills `bytes` from `position` on. @returns how many there were; 0 from a file that is gone */
  read(segment: Segment, kind: 'segment' | 'index', bytes: Buffer, position: number): Promise<number>;
  forget(segment: Segment): Promise<void>;
  close(): Promise<void>;
}

export function segmentFiles(folder: string): SegmentFiles {
  const held = new Map<string, OpenFile>();
  const blocks = blockCache();

  async function drop(path: string, file: OpenFile): Promise<void> {
    held.delete(path);
    const fd = await file.fd.catch(() => undefined);
    if (fd !== undefined) await closeFile(fd);
  }

  async function evict(): Promise<void> {
    for (const [path, file] of held) {
      if (held.size <= mostOpen) return;
      if (file.users === 0) await drop(path, file);
    }
  }

  async function readIn(
    segment: Segment,
    kind: 'segment' | 'index',
    bytes: Buffer,
    position: number,
  ): Promise<number> {
    const path = segmentPath(folder, segment, kind);
    const file = held.get(path) ?? { fd: openFile(path, 'r'), users: 0 };
    // The one used last is the last to go.
    held.delete(path);
    held.set(path, file);
    file.users++;
    try {
      const { bytesRead } = await readFile(await file.fd, bytes, 0, bytes.length, position);
      return bytesRead;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      held.delete(path);
      // Removed by its owner while we read beside it: as if trimmed before.
      if (kind === 'segment') segment.removed = true;
      return 0;
    } finally {
      file.users--;
      if (held.size > mostOpen) await evict();
    }
  }

  return {
    read(segment, kind, bytes, position) {
      const committed = kind === 'segment' && position + bytes.length <= segment.size;
      if (!committed || bytes.length > mostCached) return readIn(segment, kind, bytes, position);
      return blocks.read(segment, bytes, position, (into, from) => readIn(segment, kind, into, from));
    },

    async forget(segment) {
      blocks.forget(segment);
      for (const kind of ['segment', 'index'] as const) {
        const path = segmentPath(folder, segment, kind);
        const file = held.get(path);
        if (file && file.users === 0) await drop(path, file);
      }
    },

    async close() {
      await Promise.all([...held].map(([path, file]) => drop(path, file)));
    },
  };
}
