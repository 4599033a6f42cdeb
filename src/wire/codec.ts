import type { ClientMessage, ControlRequest } from './clientMessages.ts';
import type { Subprotocol } from './limits.ts';
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

/** An encoded frame without its slot: encoded once, addressed for every subscriber with the same view. */
export type SharedFrame = (slot: number) => WireData;

/** What the daemon needs of a subprotocol. */
export interface ServerCodec {
  readonly subprotocol: Subprotocol;
  /** Throws `WireError`: with `closeCode` where no answer is possible, else with the `id` or `slot` to answer. */
  parseClientMessage(data: WireData): ClientMessage;
  encodeServerMessage(message: ServerControl): string;
  encodeTrend(rows: TrendRows): SharedFrame;
}

/** What the client library needs of a subprotocol. */
export interface ClientCodec {
  readonly subprotocol: Subprotocol;
  encodeControl(message: ControlRequest): string;
  encodeSamples(frame: SamplesFrame): WireData;
  /** Throws `WireError` `badMessage` for what is no message at all; fields are not validated. */
  decodeServerMessage(data: WireData): ServerMessage;
}
