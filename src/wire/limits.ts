/** The protocol name that `hello` tells, and the subprotocols a client may ask for, the daemon's first choice first. */
export const protocol = 'firtrend.v1';
export const subprotocols = ['firtrend.v1.bin', 'firtrend.v1.json'] as const;

export type Subprotocol = (typeof subprotocols)[number];

/** The limits of `firtrend.v1` itself (docs/protocol.md); a daemon may tell lower ones in `welcome`. */
export const limits = {
  /** Bytes of one incoming message of any kind. */
  message: 1024 * 1024,
  /** Bytes of one incoming message that is not `samples`. */
  control: 64 * 1024,
  /** Rows of one frame. */
  rows: 65_536,
  channels: 1024,
  /** Patterns of one subscription. */
  patterns: 64,
  /** Nesting of objects and arrays in a message. */
  depth: 8,
  /** Of a time, in ms since 1970 either way: what a JavaScript date can hold. */
  time: 8.64e15,
  /** Of a period between rows (ms), and so of 1000 / rate. */
  period: { least: 1e-6, most: 1e12 },
  /** Exclusive: slots and strides are u32. */
  u32: 2 ** 32,
  /** Exclusive: numbers of samples and ids are exact in a double. */
  seq: 2 ** 53,
} as const;

/** What a daemon's configuration calls those that a message can break, for errors that name them. */
export const limitNames = {
  message: 'limits.messageBytes',
  control: 'limits.controlBytes',
  rows: 'limits.rows',
  channels: 'limits.channels',
  depth: 'limits.jsonDepth',
} as const satisfies Record<keyof MessageLimits, string>;

/** Those of the limits that a message itself can break; a daemon may set lower ones. */
export type MessageLimits = Readonly<Record<'message' | 'control' | 'rows' | 'channels' | 'depth', number>>;
