import type { Segment } from './catalog.ts';

/** Reads a part of a segment's file into `bytes`. @returns how many bytes there were */
type ReadFile = (bytes: Buffer, position: number) => Promise<number>;

/** The blocks of segments that were read last: many who catch up at once read the same, and the file is read once. */
export interface BlockCache {
  /** As `readFile`, of bytes below `segment.size`: what is committed never changes. */
  read(segment: Segment, bytes: Buffer, position: number, readFile: ReadFile): Promise<number>;
  forget(segment: Segment): void;
}

interface Block {
  bytes: Buffer;
  /** A reading of more of it that is under way. */
  filling: Promise<void> | undefined;
}

const blockBytes = 16_384;
/** 4 MiB, whoever reads. */
const mostBlocks = 256;
const none = Buffer.alloc(0);

export function blockCache(): BlockCache {
  /** By segment and place, the one used last at the end. */
  const held = new Map<string, Block>();

  function blockAt(key: string): Block {
    const block = held.get(key) ?? { bytes: none, filling: undefined };
    held.delete(key);
    held.set(key, block);
    if (held.size > mostBlocks) held.delete(held.keys().next().value!);
    return block;
  }

  async function fill(block: Block, start: number, end: number, readFile: ReadFile): Promise<void> {
    try {
      const bytes = Buffer.allocUnsafeSlow(end - start);
      block.bytes = bytes.subarray(0, await readFile(bytes, start));
    } finally {
      block.filling = undefined;
    }
  }

  return {
    async read(segment, bytes, position, readFile) {
      for (let done = 0; done < bytes.length; ) {
        const at = position + done;
        const start = at - (at % blockBytes);
        const block = blockAt(`${segment.number}/${start}`);
        const from = at - start;
        const to = Math.min(blockBytes, from + bytes.length - done);
        // The newest block grows: another's reading may have been of less.
        while (block.filling && block.bytes.length < to) await block.filling;
        if (block.bytes.length < to) {
          block.filling = fill(block, start, Math.min(segment.size, start + blockBytes), readFile);
          await block.filling;
        }
        const count = block.bytes.subarray(from, to).copy(bytes, done);
        done += count;
        if (count < to - from) return done;
      }
      return bytes.length;
    },

    forget(segment) {
      for (const key of held.keys()) if (key.startsWith(`${segment.number}/`)) held.delete(key);
    },
  };
}
