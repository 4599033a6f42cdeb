import { FirtrendError } from '../dsp/error.ts';

export type LogErrorCode =
  | 'logBusy'
  | 'logClosed'
  | 'logOrder'
  /** Another process holds the log. */
  | 'logInUse'
  /** No space was left, and the log was closed before there was. */
  | 'logFull'
  /** Writing or syncing failed: what was acknowledged is safe, nothing more can be. */
  | 'logBroken'
  /** Not a log, or one of a newer version. */
  | 'logFormat';

export function logError(code: LogErrorCode, message: string, options?: { cause?: unknown }): FirtrendError {
  return new FirtrendError(code, message, options);
}
