/** What the client needs of a WebSocket: the browser's, Node's own or one of `ws` all have it. */
export interface SocketLike {
  readonly protocol: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onerror: ((event: { readonly message?: string; readonly error?: unknown }) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  binaryType: string;
  send(data: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
  /** `ws` only: stop and go on reading, so that a slow consumer slows the daemon instead of filling memory. */
  pause?(): void;
  resume?(): void;
  /** `ws` only: end without waiting for the other side. */
  terminate?(): void;
}

export type SocketFactory = (url: string, protocols: string[]) => SocketLike | Promise<SocketLike>;

/** The platform's own WebSocket; in a Node without one, that of the package `ws`. */
export const platformSocket: SocketFactory = async (url, protocols) => {
  const { WebSocket } = globalThis as { WebSocket?: new (url: string, protocols: string[]) => SocketLike };
  if (WebSocket) return new WebSocket(url, protocols);
  const ws = await import('ws');
  // The types of ws name its own event classes; what is used of them is what SocketLike says.
  return new ws.WebSocket(url, protocols) as unknown as SocketLike;
};
