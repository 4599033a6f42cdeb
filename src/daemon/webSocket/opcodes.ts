/** Of RFC 6455, 5.2. */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Of RFC 6455, 7.4.1, and what this end closes with by itself. */
export const protocolCodes = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  noStatus: 1005,
  abnormal: 1006,
  notUtf8: 1007,
  tooBig: 1009,
} as const;
