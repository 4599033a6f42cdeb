import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FirtrendError } from '../dsp/error.ts';
import type { Samples } from './samples.ts';

/** Numbers that are written once, one after the other, and read as often as one likes. */
interface ScratchColumn extends Samples {
  push(value: number): void;
  /** Gives the memory back; the numbers are gone. */
  discard(): void;
}

/** Where a recording's numbers lie while it is worked on: in memory up to a limit, the rest in one temporary file. */
export interface Scratch {
  column(): ScratchColumn;
  /** Whether there is more than memory was allowed to hold. */
  readonly onDisk: boolean;
  /** Closes the file, which has no name and is gone with it (with the process at the latest). */
  close(): void;
}

/** Numbers of a block: 64 KiB, the least that goes to the file and comes back at once. */
const blockLength = 8192;
const blockBytes = 8 * blockLength;
const defaultMemoryBytes = 128 * 2 ** 20;

/** A full block in memory, or where it lies in the file (bytes). */
type Block = Float64Array | number;

/**
 * @param memoryBytes how much may be held in memory, the block that each column is filling apart
 * @throws FirtrendError `scratch` from `push` and `read` where the temporary file (in `$TMPDIR`) cannot be written or read
 */
export function createScratch(memoryBytes: number = defaultMemoryBytes): Scratch {
  let held = 0;
  let file: number | undefined;
  let end = 0;

  function stored(block: Float64Array): Block {
    if (held + blockBytes <= memoryBytes) {
      held += blockBytes;
      return block.slice();
    }
    const at = end;
    attempt('write', () => {
      file ??= unnamedFile();
      const written = writeSync(file, block, 0, blockBytes, at);
      if (written < blockBytes) throw new Error(`only ${written} of ${blockBytes} bytes were written`);
    });
    end += blockBytes;
    return at;
  }

  function copy(block: Block, from: number, to: number, target: Float64Array, at: number): void {
    if (typeof block !== 'number') {
      target.set(block.subarray(from, to), at);
      return;
    }
    const bytes = new Uint8Array(target.buffer, target.byteOffset + 8 * at, 8 * (to - from));
    attempt('read', () => {
      const got = readSync(file!, bytes, 0, bytes.length, block + 8 * from);
      if (got < bytes.length) throw new Error(`only ${got} of ${bytes.length} bytes were read`);
    });
  }

  function column(): ScratchColumn {
    let blocks: Block[] = [];
    let filling = new Float64Array(blockLength);
    let length = 0;
    return {
      get length() {
        return length;
      },
      push(value) {
        filling[length % blockLength] = value;
        length++;
        if (length % blockLength === 0) blocks.push(stored(filling));
      },
      read(from, to) {
        const target = new Float64Array(to - from);
        for (let at = from; at < to; ) {
          const b = Math.floor(at / blockLength);
          const start = at - b * blockLength;
          const count = Math.min(blockLength - start, to - at);
          copy(blocks[b] ?? filling, start, start + count, target, at - from);
          at += count;
        }
        return target;
      },
      discard() {
        held -= blockBytes * blocks.filter((block) => typeof block !== 'number').length;
        blocks = [];
        filling = new Float64Array(0);
        length = 0;
      },
    };
  }

  return {
    column,
    get onDisk() {
      return file !== undefined;
    },
    close() {
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}

/** Work that needs scratch space for as long as it runs. */
export function withScratch<T>(work: (scratch: Scratch) => T, create: () => Scratch = createScratch): T {
  const scratch = create();
  let later = false;
  try {
    const result = work(scratch);
    later = result instanceof Promise;
    return later ? ((result as Promise<unknown>).finally(scratch.close) as T) : result;
  } finally {
    if (!later) scratch.close();
  }
}

/** A file that only its descriptor leads to: nothing is left behind, however the process ends. */
function unnamedFile(): number {
  const path = join(tmpdir(), `firtrend-${randomUUID()}`);
  const file = openSync(path, 'wx+', 0o600);
  unlinkSync(path);
  return file;
}

function attempt(what: 'read' | 'write', work: () => void): void {
  try {
    work();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FirtrendError(
      'scratch',
      `scratch file in ${tmpdir()}: expected to ${what} it (a recording larger than memory needs about its own size there), ` +
        `got: ${why}; TMPDIR names another folder`,
      { cause },
    );
  }
}
