import type { IncomingMessage } from 'node:http';

/** The token of `Authorization: Bearer TOKEN`. */
export function bearer({ headers }: IncomingMessage): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
}

/** Where a request comes from, as the socket has it: no header says it, for anybody can write one. */
export function addressOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? 'unknown';
}
