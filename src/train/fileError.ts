import { FirtrendError } from '../dsp/error.ts';

/** The error of the operating system with the file's name; any other error as it is. */
export function fileError(error: unknown, path: string): unknown {
  if (!(error instanceof Error && 'syscall' in error)) return error;
  return new FirtrendError('fileUnreadable', `${path}: cannot be read: ${error.message}`, { cause: error });
}
