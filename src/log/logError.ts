import { FirtrendError } from '../dsp/error.ts';

export type LogErrorCode = 'logBusy' | 'logClosed' | 'logOrder' | 'logInUse' | 'logFull';

export function logError(code: LogErrorCode, message: string, options?: { cause?: unknown }): FirtrendError {
  return new FirtrendError(code, message, options);
}
