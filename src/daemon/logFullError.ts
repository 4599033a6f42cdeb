import { WireError } from '../wire/wireError.ts';

/** After so long (ms) there may be space again: the log tries each second. */
const retryAfter = 1000;

/** The log has no space: what came is kept waiting, nothing is acknowledged, `open` is refused. */
export function logFullError(
  concerned: { readonly slot: number } | { readonly id: number } | object,
): WireError {
  const text =
    'log: expected space for more samples, got a full disk; nothing is acknowledged until there is';
  return new WireError('logFull', text, { ...concerned, retryAfter });
}
