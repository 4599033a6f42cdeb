import type { ClientMessage, ControlRequest } from './clientMessages.ts';
import type { MessageLimits, Subprotocol } from './limits.ts';
import type { ServerControl, ServerMessage, TrendRows } from './serverMessages.ts';

/** One WebSocket message: text, or in `firtrend.v1.bin` also bytes. */
export type WireData = string | Uint8Array;

/** A frame as a producer sends it. Planes are `[channel][row]`, NaN missing. */
export interface SamplesFrame {
  readonly slot: number;
  readonly seq?: number | undefined;
  readonly time?: number | undefined;
  readonly period?: number | undefined;
  readonly rows: number;
  readonly planes: Float32Array;
}

/** What of a frame differs between subscribers with the same view: where they are in the stream. */
export interface FrameMarks {
  readonly replay: boolean;
  readonly afterGap: boolean;
}

/** An encoded frame for all subscribers with the same view: only its head says whom it is for. */
export interface SharedFrame {
  /** Whether it goes as a binary message. */
  readonly binary: boolean;
  /** To be used at once: the next call may write over it. */
  head(slot: number, marks: FrameMarks): Uint8Array;
  /** What follows the head, in parts; they may be views of memory that must not change any more. */
  readonly body: readonly Uint8Array[];
}

/** What the daemon needs of a subprotocol. */
export interface ServerCodec {
  readonly subprotocol: Subprotocol;
  /** Throws `WireError`: with `closeCode` where no answer is possible, else with the `id` or `slot` to answer. */
  parseClientMessage(data: WireData): ClientMessage;
  encodeServerMessage(message: ServerControl): string;
  encodeTrend(rows: TrendRows): SharedFrame;
}

/** A subprotocol for a daemon that has these limits. */
export type MakeServerCodec = (limits: MessageLimits) => ServerCodec;

/** What the client library needs of a subprotocol. */
export interface ClientCodec {
  readonly subprotocol: Subprotocol;
  encodeControl(message: ControlRequest): string;
  encodeSamples(frame: SamplesFrame): WireData;
  /** Throws `WireError` `badMessage` for what is no message at all; fields are not validated. */
  decodeServerMessage(data: WireData): ServerMessage;
}
