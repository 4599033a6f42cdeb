/**
 * The stable codes of `error` replies. What each means and what to do is in docs/protocol.md, and a test holds the two
 * together.
 */
export const errorCodes = [
  // The message.
  'badMessage',
  'limit',
  'unauthorised',
  // Producers.
  'streamBusy',
  'unknownSlot',
  'seqBelowHead',
  'frameSize',
  // Subscribers.
  'unknownSubscription',
  'unknownChannel',
  'seqAboveHead',
  // The daemon.
  'logFull',
] as const;

export type ErrorCode = (typeof errorCodes)[number];
