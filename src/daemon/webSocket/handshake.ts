import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ServerSocket, serverSocket } from './serverSocket.ts';

/** Of RFC 6455, 1.3. */
const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const closeTimeout = 1000;

/** Why a request is no WebSocket handshake of RFC 6455 (4.2.1), undefined where it is one. */
export function badHandshake({ method, headers }: IncomingMessage): string | undefined {
  if (method !== 'GET') return `expected GET, got ${method}`;
  if (headers.upgrade?.toLowerCase() !== 'websocket') return 'expected "Upgrade: websocket"';
  if (headers['sec-websocket-version'] !== '13') return 'expected "Sec-WebSocket-Version: 13"';
  if (!/^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '')) {
    return 'expected "Sec-WebSocket-Key" with 16 bytes in base64';
  }
  return undefined;
}

/** The subprotocols that a client asks for, its first choice first. */
export function askedProtocols({ headers }: IncomingMessage): string[] {
  return (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
}

/**
 * Accepts a request that `badHandshake` has found good. No extension is: messages are never compressed.
 *
 * @param head what has arrived behind the request
 * @param maxMessage bytes of one incoming message; more is closed with 1009
 */
export function accept(
  request: IncomingMessage,
  stream: Duplex,
  head: Buffer,
  options: { readonly protocol: string; readonly maxMessage: number },
): ServerSocket {
  const { protocol, maxMessage } = options;
  const key = request.headers['sec-websocket-key']!;
  const answer = createHash('sha1')
    .update(key + guid)
    .digest('base64');
  stream.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${answer}\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
  );
  if ('setTimeout' in stream) (stream as { setTimeout(ms: number): void }).setTimeout(0);
  if ('setNoDelay' in stream) (stream as { setNoDelay(): void }).setNoDelay();
  if (head.length > 0) stream.unshift(head);
  return serverSocket({ protocol, stream, maxMessage, closeTimeout });
}
