import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { FirtrendError } from '../../dsp/error.ts';
import { subprotocols } from '../../wire/limits.ts';
import { accept, askedProtocols, badHandshake } from '../webSocket/handshake.ts';
import type { ServerSocket } from '../webSocket/serverSocket.ts';
import type { OriginPolicy } from './origins.ts';
import type { Certificate } from './tls.ts';

export interface HttpPorts {
  /** With one, TLS is spoken. */
  readonly certificate: Certificate | undefined;
  readonly origins: OriginPolicy;
  /** Whether WebSockets are taken. */
  readonly open: () => boolean;
  /** Answers what is no WebSocket. */
  readonly answer: (request: IncomingMessage, response: ServerResponse) => void;
  readonly connected: (socket: ServerSocket, request: IncomingMessage) => void;
  /** A WebSocket failed: a reset. Its end follows. */
  readonly socketFailed: (error: Error) => void;
  /** Bytes of one incoming message. */
  readonly messageBytes: number;
  /** TCP connections at once: beyond it new ones are dropped before anything is read. */
  readonly connections: number;
}

export interface HttpServer {
  /** @throws FirtrendError `portInUse`, `listenFailed` */
  listen(host: string, port: number): Promise<AddressInfo>;
  /** For connections from now on; those there are go on. */
  setCertificate(certificate: Certificate): void;
  /** Takes no more connections, waits for those under way until the deadline (`performance.now()`), then ends them. */
  close(deadline: number): Promise<void>;
}

/** What a client may take for its request before it is dropped (ms); a TLS handshake as long as the headers. */
const timeouts = { headersTimeout: 5000, requestTimeout: 10_000, connectionsCheckingInterval: 1000 } as const;

/** The daemon's one port: WebSockets at `/v1`, everything else is answered by the API. */
export function httpServer(ports: HttpPorts): HttpServer {
  const { certificate, connected, socketFailed } = ports;
  const server: Server | SecureServer = certificate
    ? createSecureServer(
        { ...timeouts, ...certificate, handshakeTimeout: timeouts.headersTimeout, minVersion: 'TLSv1.2' },
        ports.answer,
      )
    : createServer(timeouts, ports.answer);
  server.maxConnections = ports.connections;
  const upgraded = new Set<Duplex>();
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    stream.on('error', socketFailed);
    const refusal = refused(request, ports);
    if (refusal) {
      refuse(stream, refusal);
      return;
    }
    upgraded.add(stream);
    stream.once('close', () => upgraded.delete(stream));
    const asked = askedProtocols(request);
    const protocol = subprotocols.find((known) => asked.includes(known))!;
    connected(accept(request, stream, head, { protocol, maxMessage: ports.messageBytes }), request);
  });

  return {
    listen: (host, port) => listen(server, host, port),
    setCertificate(next) {
      if ('setSecureContext' in server) server.setSecureContext({ ...next, minVersion: 'TLSv1.2' });
    },
    async close(deadline) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A WebSocket that is being closed ends within a second; a request under way has until the deadline.
      const late = setTimeout(() => server.closeAllConnections(), Math.max(0, deadline - performance.now()));
      await Promise.all([...upgraded].map((stream) => new Promise((ended) => stream.once('close', ended))));
      await closed;
      clearTimeout(late);
    },
  };
}

interface Refusal {
  readonly code: string;
  readonly text: string;
}

/** Why an upgrade is not for us, with its status; undefined where it is. */
function refused(request: IncomingMessage, { origins, open }: HttpPorts): Refusal | undefined {
  const path = (request.url ?? '/').split('?', 1)[0];
  if (path !== '/v1') return { code: '404 Not Found', text: 'expected a WebSocket at /v1' };
  const foreign = origins.refusal(request);
  if (foreign !== undefined) return { code: '403 Forbidden', text: foreign };
  if (!open()) return { code: '503 Service Unavailable', text: 'the daemon is closing' };
  const bad = badHandshake(request);
  if (bad !== undefined) return { code: '400 Bad Request', text: bad };
  const asked = askedProtocols(request);
  if (subprotocols.some((known) => asked.includes(known))) return undefined;
  return { code: '400 Bad Request', text: `expected a subprotocol of: ${subprotocols.join(', ')}` };
}

function refuse(stream: Duplex, { code, text }: Refusal): void {
  const body = `${text}\n`;
  stream.end(
    `HTTP/1.1 ${code}\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function listen(server: Server | SecureServer, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const code = cause.code === 'EADDRINUSE' ? 'portInUse' : 'listenFailed';
      const got = code === 'portInUse' ? `${port} is in use on ${host}` : cause.message;
      reject(new FirtrendError(code, `port: expected a free one (0 takes any), got: ${got}`, { cause }));
    });
    server.listen(port, host, () => resolve(server.address() as AddressInfo));
  });
}
