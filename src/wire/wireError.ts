import { FirtrendError } from '../dsp/error.ts';
import type { CloseName } from './closeCodes.ts';
import type { ErrorCode } from './errorCodes.ts';

/**
 * What a client meets beside the codes of the daemon: no connection, one that ended without a code of ours, why the daemon
 * closed a producer's slot, more waiting to be sent than may, and time stamps that cannot be numbered.
 */
type ClientCode =
  | 'connectFailed'
  | 'closed'
  | 'takenOver'
  | 'forbidden'
  | 'deleted'
  | 'bufferFull'
  | 'timeBackwards'
  | 'timeValue';

export interface WireErrorDetail {
  /** The field that is wrong: `channels[2].name`. */
  readonly field?: string | undefined;
  /** The id of the message refused, where it could be read. */
  readonly id?: number | undefined;
  /** The slot of the frame refused: `samples` has no id. */
  readonly slot?: number | undefined;
  /** The close code of the connection; set by the parser where a message cannot be answered, only ended. */
  readonly closeCode?: number | undefined;
  /** Milliseconds after which trying again makes sense. */
  readonly retryAfter?: number | undefined;
  readonly cause?: unknown;
}

/** Everything that goes wrong on the wire, at either end: a refused message, a refused frame, a closed connection. */
export class WireError extends FirtrendError {
  declare readonly code: ErrorCode | CloseName | ClientCode;
  readonly field: string | undefined;
  readonly id: number | undefined;
  readonly slot: number | undefined;
  readonly closeCode: number | undefined;
  readonly retryAfter: number | undefined;

  constructor(code: WireError['code'], message: string, detail: WireErrorDetail = {}) {
    super(code, message, detail.cause === undefined ? {} : { cause: detail.cause });
    this.field = detail.field;
    this.id = detail.id;
    this.slot = detail.slot;
    this.closeCode = detail.closeCode;
    this.retryAfter = detail.retryAfter;
  }
}
