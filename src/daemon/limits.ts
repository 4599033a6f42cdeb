import { limits as protocolLimits } from '../wire/limits.ts';

/**
 * What one client, or all of them, may ask of a daemon. Beyond each there is an error `limit` or a close code that
 * names it (docs/protocol.md). None may be above what `firtrend.v1` itself allows.
 */
export interface Limits {
  /** WebSockets at once; one more is closed with 4503. */
  readonly connections: number;
  readonly subscriptionsPerConnection: number;
  /** Streams that the daemon knows: `open` of another new one is refused. */
  readonly streams: number;
  /** Streams that one connection feeds at once. */
  readonly streamsPerConnection: number;
  /** Channels of a stream. */
  readonly channels: number;
  /** Rows of a frame. */
  readonly rows: number;
  /** Bytes of one incoming message of any kind; more is closed with 1009. */
  readonly messageBytes: number;
  /** Bytes of one incoming message that is not `samples`. */
  readonly controlBytes: number;
  /** Nesting of objects and arrays in a message. */
  readonly jsonDepth: number;
  /** Messages of any kind that are read from one socket each second; beyond it is not read, after `rateGraceMs` 4005. */
  readonly messagesPerSecond: number;
  /** The same for messages that are not `samples`. */
  readonly controlPerSecond: number;
  /** How long a client may go on sending faster than it is read (ms). */
  readonly rateGraceMs: number;
  /** How long a connection may stay without a valid token (ms), where one is required; then 4505. */
  readonly authTimeoutMs: number;
  /** Bytes of `samples` that one connection may have unacknowledged before its socket is not read. */
  readonly windowBytes: number;
  /** Bytes of data that may wait to be sent to one client, beyond the frame being sent. */
  readonly outboundBytes: number;
  /** Requests for history that are answered at once. */
  readonly historiesAtOnce: number;
  /** Requests that bring samples and are answered at once. */
  readonly uploadsAtOnce: number;
  /** Bytes of control messages nobody asked for that may wait to be sent to one client; then 4003. */
  readonly controlBacklogBytes: number;
}

export const defaultLimits: Limits = {
  connections: 10_000,
  subscriptionsPerConnection: 1000,
  streams: 100_000,
  streamsPerConnection: 16_384,
  channels: protocolLimits.channels,
  rows: protocolLimits.rows,
  messageBytes: protocolLimits.message,
  controlBytes: protocolLimits.control,
  jsonDepth: protocolLimits.depth,
  messagesPerSecond: 250_000,
  controlPerSecond: 10_000,
  rateGraceMs: 10_000,
  authTimeoutMs: 15_000,
  windowBytes: 1024 * 1024,
  outboundBytes: 1024 * 1024,
  historiesAtOnce: 16,
  uploadsAtOnce: 64,
  controlBacklogBytes: 4 * 1024 * 1024,
};
