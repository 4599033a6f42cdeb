/** Why the daemon ends a connection. 4000–4499: reconnect with backoff and jitter; 4500–4999: do not. */
export const closeCodes = {
  draining: 4000,
  tooSlow: 4001,
  noAlive: 4002,
  controlBacklog: 4003,
  tokenExpired: 4004,
  rate: 4005,
  internal: 4006,
  badMessage: 4500,
  unauthorised: 4501,
  version: 4502,
  limit: 4503,
  idReused: 4504,
  authTimeout: 4505,
} as const;

export type CloseName = keyof typeof closeCodes;

/** The name of one of our close codes, undefined for any other. */
export function closeName(code: number): CloseName | undefined {
  return (Object.keys(closeCodes) as CloseName[]).find((name) => closeCodes[name] === code);
}

/**
 * Codes of the WebSocket standard after which the same client may do better later: going away, no status, cut off,
 * server error, restart, try again, bad gateway. The others (1002, 1003, 1007–1010) would only happen again.
 */
const transient: ReadonlySet<number> = new Set([1001, 1005, 1006, 1011, 1012, 1013, 1014]);

/** Whether a client should come back (with backoff and jitter) after a close with this code. */
export function mayReconnect(code: number): boolean {
  return (code >= 4000 && code < 4500) || transient.has(code);
}

/** A close reason must fit 123 bytes of UTF-8, or the socket throws. */
export function closeReason(text: string): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.byteLength <= 123) return text;
  const cut = new TextDecoder().decode(bytes.subarray(0, 120)).replace(/\uFFFD+$/, '');
  return `${cut}…`;
}
