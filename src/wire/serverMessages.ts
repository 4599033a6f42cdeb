import type { ErrorCode } from './errorCodes.ts';

/*
 * All that the daemon sends. Types only: clients do not validate, and ignore fields and types they do not know.
 * Times and periods are milliseconds, seqs are numbers of samples, ranges are half-open.
 */

export interface Channel {
  readonly name: string;
  readonly unit?: string | undefined;
  /** The true value is offset + sample, and offset + trend. */
  readonly offset: number;
}

/** What makes the trends of a stream: a kernel, or (`model: null`) nothing, for the reason given. */
export interface KernelInfo {
  readonly model: string | null;
  readonly version: number | null;
  /** Group delay at DC in samples, Σ j·w[j]; where each channel has a kernel of its own, their mean. */
  readonly lag: number | null;
  /** Why there is no kernel. */
  readonly reason?: string | undefined;
}

export interface Hello {
  readonly type: 'hello';
  readonly protocol: string;
  readonly ping: { readonly interval: number; readonly timeout: number };
  readonly authRequired: boolean;
  readonly limits: { readonly message: number; readonly control: number };
}

export interface Welcome {
  readonly type: 'welcome';
  /** Of the `auth` it answers; absent where no authentication is needed. */
  readonly id?: number | undefined;
  readonly principal: string | null;
  readonly scopes: readonly string[];
  /** When the token ends (ms since 1970), null for never. */
  readonly expires: number | null;
  readonly server: { readonly name: string; readonly version: string };
  readonly durability: 'memory' | 'normal' | 'full';
  /** What was acknowledged in the last so many ms a loss of power may take; null: all there is. */
  readonly lossWindow: number | null;
  readonly device: {
    readonly provider: string;
    readonly exact: boolean;
    readonly reason?: string | undefined;
  };
  readonly fingerprint: string;
  readonly limits: {
    readonly message: number;
    readonly control: number;
    readonly rows: number;
    readonly channels: number;
  };
}

export interface Opened {
  readonly type: 'opened';
  readonly id: number;
  readonly slot: number;
  readonly epoch: string;
  readonly nextSeq: number;
  /** Bytes of `samples` messages a producer may have unacknowledged before the daemon stops reading. */
  readonly window: number;
}

export interface Ack {
  readonly type: 'ack';
  readonly slot: number;
  readonly nextSeq: number;
}

export interface Lost {
  readonly fromSeq: number;
  readonly toSeq: number;
  readonly reason: 'epoch' | 'trimmed';
}

/** A stream as a subscription sees it. */
export interface SlotInfo extends KernelInfo {
  readonly slot: number;
  readonly name: string;
  readonly epoch: string;
  /** Those asked for, in the order asked for. */
  readonly channels: readonly Channel[];
  readonly rate: number;
  /** Where the stream's head was when this was written. */
  readonly nextSeq: number;
  /** Where the replay begins; absent where nothing is replayed. */
  readonly fromSeq?: number | undefined;
  /** Whether the position asked for could be resumed; absent where none was given. */
  readonly recovered?: boolean | undefined;
  readonly lost?: Lost | undefined;
}

export interface Subscribed {
  readonly type: 'subscribed';
  readonly id: number;
  readonly streams: readonly SlotInfo[];
}

export interface Added {
  readonly type: 'added';
  /** The subscription. */
  readonly id: number;
  readonly streams: readonly SlotInfo[];
}

export interface Removed {
  readonly type: 'removed';
  readonly id: number;
  readonly slots: readonly number[];
  readonly reason: 'epoch' | 'deleted' | 'forbidden';
}

export interface Stale {
  readonly type: 'stale';
  readonly id: number;
  readonly slots: readonly number[];
  readonly reason: 'silent';
}

export interface Live {
  readonly type: 'live';
  readonly slot: number;
  /** The first seq that is not part of the replay. */
  readonly seq: number;
}

export interface KernelChange extends KernelInfo {
  readonly type: 'kernel';
  /** From which seq on, in which slots. */
  readonly changes: readonly { readonly slot: number; readonly seq: number }[];
}

export interface Gap {
  readonly type: 'gap';
  readonly slot: number;
  readonly fromSeq: number;
  readonly toSeq: number;
  readonly reason: 'source' | 'damaged' | 'slow' | 'trimmed';
  readonly replay?: boolean | undefined;
}

export interface AliveFromServer {
  readonly type: 'alive';
  readonly t: number;
  readonly echo?: number | undefined;
  /** `[slot, nextSeq]` of subscribed slots that had nothing to send since the last one. */
  readonly slots?: readonly (readonly [slot: number, nextSeq: number])[] | undefined;
}

export interface ErrorMessage {
  readonly type: 'error';
  readonly id?: number | undefined;
  /** In place of the id where a frame of samples is refused. */
  readonly slot?: number | undefined;
  readonly code: ErrorCode;
  readonly message: string;
  readonly field?: string | undefined;
  readonly retryAfter?: number | undefined;
}

export interface Closed {
  readonly type: 'closed';
  /** Of the `close` it answers; absent where the daemon closed the slot. */
  readonly id?: number | undefined;
  readonly slot: number;
  readonly reason?: 'takenOver' | 'forbidden' | 'deleted' | undefined;
}

export interface Unsubscribed {
  readonly type: 'unsubscribed';
  readonly id: number;
  readonly subscription: number;
}

export interface StreamInfo extends KernelInfo {
  readonly name: string;
  readonly epoch: string;
  readonly channels: readonly Channel[];
  readonly rate: number;
  readonly nextSeq: number;
}

export interface Streams {
  readonly type: 'streams';
  readonly id: number;
  readonly streams: readonly StreamInfo[];
}

export interface Draining {
  readonly type: 'draining';
  /** When the daemon will close (ms since 1970). */
  readonly deadline: number;
}

/** Everything but `trend`: JSON text in every subprotocol. */
export type ServerControl =
  | Hello
  | Welcome
  | Opened
  | Ack
  | Subscribed
  | Added
  | Removed
  | Stale
  | Live
  | KernelChange
  | Gap
  | AliveFromServer
  | ErrorMessage
  | Closed
  | Unsubscribed
  | Streams
  | Draining;

/** Rows of one stream as subscribers get them. Planes are `[channel][row]`, NaN missing. */
export interface TrendRows {
  /** Of the first row; the following ones are `stride` apart. */
  readonly seq: number;
  readonly rows: number;
  readonly channels: number;
  /** Of the first row (ms since 1970). */
  readonly time: number;
  /** Between rows (ms). */
  readonly period: number;
  /** Of every row, where they are not `period` apart. */
  readonly times?: Float64Array | undefined;
  /** 1 where absent. */
  readonly stride?: number | undefined;
  readonly trend?: Float32Array | undefined;
  readonly raw?: Float32Array | undefined;
  /** Asked for and absent: all ones. */
  readonly coverage?: Float32Array | undefined;
  readonly recomputed?: boolean | undefined;
}

export interface TrendFrame extends TrendRows {
  readonly type: 'trend';
  readonly slot: number;
  readonly replay?: boolean | undefined;
  readonly afterGap?: boolean | undefined;
}

export type ServerMessage = ServerControl | TrendFrame;
