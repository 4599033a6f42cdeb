import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { logError } from '../logError.ts';

/**
 * Takes ownership of a folder until the returned function is called or the process ends, however it ends: the kernel
 * drops the lock with the file descriptor.
 *
 * @throws FirtrendError `logInUse`
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const { tryLock } = await import('fs-native-extensions');
  const file = await open(join(folder, 'lock'), constants.O_RDWR | constants.O_CREAT, 0o640);
  if (!tryLock(file.fd)) {
    const holder = await readHolder(file);
    throw logError('logInUse', `${folder}: expected a log that nobody writes, but ${holder} holds it`);
  }
  await file.truncate(0);
  await file.write(`${process.pid}\n`, 0);
  return () => file.close();
}

async function readHolder(file: FileHandle): Promise<string> {
  const text = await file.readFile('utf8');
  await file.close();
  return /^\d+$/m.test(text) ? `process ${text.trim()}` : 'another process';
}
