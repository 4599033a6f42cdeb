import { stat } from 'node:fs/promises';
import { FirtrendError } from '../dsp/error.ts';

/** The error of the operating system with the file's name; any other error as it is. */
export function fileError(error: unknown, path: string): unknown {
  if (!(error instanceof Error && 'syscall' in error)) return error;
  return new FirtrendError('fileUnreadable', `${path}: cannot be read: ${error.message}`, { cause: error });
}

/** Bytes of a file to come; Infinity where nobody can say (a pipe). */
export async function fileSize(path: string): Promise<number> {
  try {
    return (await stat(path)).size || Number.POSITIVE_INFINITY;
  } catch (error) {
    throw fileError(error, path);
  }
}
