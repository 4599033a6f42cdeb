import { createWriteStream } from 'node:fs';
import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { FirtrendError } from '../dsp/error.ts';

/** Lines are written in pieces of about so many characters. */
const pieceLength = 65_536;

/**
 * Writes lines to a file that appears whole or not at all; into a pipe or device, and for `-` to stdout, as they come.
 * A link is followed, not replaced.
 *
 * @param notOver a file that must not be overwritten: the one the lines come from
 * @returns how many lines came after the first, the header
 * @throws FirtrendError `outFile` where it cannot be written; nothing is left behind
 */
export async function writeWhole(
  path: string,
  lines: AsyncIterable<string>,
  notOver: string,
): Promise<number> {
  let count = -1;
  async function* pieces(): AsyncGenerator<string> {
    let text = '';
    for await (const line of lines) {
      count++;
      text += `${line}\n`;
      if (text.length < pieceLength) continue;
      yield text;
      text = '';
    }
    yield text;
  }
  try {
    await write(path, pieces(), notOver);
    return count;
  } catch (error) {
    if (error instanceof FirtrendError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new FirtrendError('outFile', `out: expected a file that can be written, got ${path}: ${why}`, {
      cause: error,
    });
  }
}

async function write(path: string, pieces: AsyncIterable<string>, notOver: string): Promise<void> {
  if (path === '-') {
    await pipeline(pieces, process.stdout, { end: false });
    return;
  }
  const target = await existing(path);
  if (target !== undefined && target === (await realpath(notOver))) {
    throw new FirtrendError('outFile', `out: expected another file than the recording, got ${path}`);
  }
  if (target !== undefined && !(await stat(target)).isFile()) {
    await pipeline(pieces, createWriteStream(target));
    return;
  }
  const final = target ?? path;
  const temporary = `${final}.${process.pid}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    await pipeline(pieces, file.createWriteStream());
    await rename(temporary, final);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** What is at the path, links followed; undefined where nothing is. */
async function existing(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
