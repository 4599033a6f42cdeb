import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { FirtrendError } from '../dsp/error.ts';
import { errorCode } from './durable.ts';

/** The largest model file (bytes): 1,024 channels of 513 taps take 2.1 MB. */
const maxModelBytes = 8 * 2 ** 20;

/**
 * The bytes of a model file, once the file itself has been found harmless. Checked and read through one descriptor, so
 * that nothing can be put in its place in between.
 *
 * @throws FirtrendError `modelNotFound`; `modelFile` for a symbolic or hard link, a folder, pipe, socket or device, more
 *   than 8 MiB, or a file that cannot be read or grows meanwhile
 */
export async function readModelFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const file = await openModelFile(path);
  try {
    const stat = await file.stat();
    check(stat.isFile(), path, 'file type', 'a regular file', 'a folder, pipe, socket or device');
    check(stat.nlink === 1, path, 'hard links', 'one', `${stat.nlink}`);
    check(stat.size <= maxModelBytes, path, 'file size', `at most ${maxModelBytes} bytes`, `${stat.size}`);
    const bytes = new Uint8Array(stat.size + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    check(
      length === stat.size,
      path,
      'file size',
      `${stat.size} bytes to the end`,
      'a file that is changing',
    );
    return bytes.subarray(0, length);
  } finally {
    await file.close();
  }
}

async function openModelFile(path: string): Promise<FileHandle> {
  try {
    // Without O_NONBLOCK opening a pipe would wait for its other end.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const code = errorCode(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new FirtrendError('modelNotFound', `model ${path}: no such file`, { cause });
    }
    const got = code === 'ELOOP' ? 'a symbolic link' : String(code);
    throw new FirtrendError(
      'modelFile',
      `model ${path}: file type: expected a readable regular file, got ${got}`,
      {
        cause,
      },
    );
  }
}

function check(ok: boolean, path: string, name: string, expected: string, got: string): void {
  if (!ok) throw new FirtrendError('modelFile', `model ${path}: ${name}: expected ${expected}, got ${got}`);
}
