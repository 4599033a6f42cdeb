import { close, constants, ftruncate, open, readFile, write } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { logError } from '../logError.ts';

const openFile = promisify(open);
const closeFile = promisify(close);

/**
 * Takes ownership of a folder until the returned function is called or the process ends, however it ends: the kernel
 * drops the lock with the file descriptor (a bare one, which no garbage collector closes).
 *
 * @throws FirtrendError `logInUse`
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const { tryLock } = await import('fs-native-extensions');
  const fd = await openFile(join(folder, 'lock'), constants.O_RDWR | constants.O_CREAT, 0o640);
  if (!tryLock(fd)) {
    const text = await promisify(readFile)(fd, 'utf8');
    await closeFile(fd);
    const holder = /^\d+\n$/.test(text) ? `process ${text.trim()}` : 'another process';
    throw logError('logInUse', `${folder}: expected a log that nobody writes, but ${holder} does`);
  }
  await promisify(ftruncate)(fd, 0);
  await promisify(write)(fd, Buffer.from(`${process.pid}\n`), 0);
  return () => closeFile(fd);
}
