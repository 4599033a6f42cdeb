import { open, rename, rm } from 'node:fs/promises';
import { FirtrendError } from '../dsp/error.ts';

/**
 * Writes lines to a file that appears whole or not at all. @returns how many lines came after the first, the header
 *
 * @throws FirtrendError `outFile` where it cannot be written; nothing is left behind
 */
export async function writeWhole(path: string, lines: AsyncIterable<string>): Promise<number> {
  const temporary = `${path}.${process.pid}.tmp`;
  let count = -1;
  try {
    const file = await open(temporary, 'wx');
    try {
      let text = '';
      for await (const line of lines) {
        count++;
        text += `${line}\n`;
        if (text.length < 65_536) continue;
        await file.write(text);
        text = '';
      }
      await file.write(text);
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    return count;
  } catch (error) {
    await rm(temporary, { force: true });
    if (error instanceof FirtrendError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new FirtrendError('outFile', `out: expected a file that can be written, got ${path}: ${why}`, {
      cause: error,
    });
  }
}
