import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { subprotocols } from '../wire/limits.ts';
import { accept, askedProtocols, badHandshake } from './webSocket/handshake.ts';
import type { ServerSocket } from './webSocket/serverSocket.ts';

export interface HttpPorts {
  /** What `/readyz` answers. */
  readonly status: () => object;
  /** Whether WebSockets are taken; `/readyz` answers 503 where not. */
  readonly ready: () => boolean;
  readonly connected: (socket: ServerSocket, request: IncomingMessage) => void;
  /** A WebSocket failed: a reset. Its end follows. */
  readonly socketFailed: (error: Error) => void;
  /** Bytes of one incoming message. */
  readonly messageBytes: number;
}

/** The daemon's one port: WebSocket at `/v1`, health at `/livez` and `/readyz`, a page at `/`. */
export function httpServer(ports: HttpPorts): { server: Server; sockets: { closed(): Promise<void> } } {
  const { connected, socketFailed } = ports;
  const timeouts = { headersTimeout: 5000, requestTimeout: 10_000, connectionsCheckingInterval: 1000 };
  const server = createServer(timeouts, (request, response) => answer(request, response, ports));
  const open = new Set<Duplex>();
  server.on('upgrade', (request, stream, head) => {
    stream.on('error', socketFailed);
    const refusal = refused(request, ports.ready());
    if (refusal) {
      refuse(stream, refusal);
      return;
    }
    open.add(stream);
    stream.once('close', () => open.delete(stream));
    const asked = askedProtocols(request);
    const protocol = subprotocols.find((known) => asked.includes(known))!;
    connected(accept(request, stream, head, { protocol, maxMessage: ports.messageBytes }), request);
  });
  return {
    server,
    sockets: {
      /** Resolves when every WebSocket has ended; each that is being closed ends within a second. */
      async closed() {
        await Promise.all([...open].map((stream) => new Promise((resolve) => stream.once('close', resolve))));
      },
    },
  };
}

function answer(request: IncomingMessage, response: ServerResponse, { status, ready }: HttpPorts): void {
  const reply = (code: number, type: string, body: string): void => {
    response.writeHead(code, {
      'content-type': type,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'",
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    reply(405, 'text/plain; charset=utf-8', 'expected GET\n');
    return;
  }
  switch (pathOf(request)) {
    case '/':
      reply(200, 'text/html; charset=utf-8', page);
      return;
    case '/livez':
      reply(200, 'text/plain; charset=utf-8', 'ok\n');
      return;
    case '/readyz':
      reply(ready() ? 200 : 503, 'application/json', `${JSON.stringify(status())}\n`);
      return;
    default:
      reply(404, 'text/plain; charset=utf-8', 'expected /, /livez, /readyz, or a WebSocket at /v1\n');
  }
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0]!;
}

/** Why an upgrade is not for us, with its status; undefined where it is. */
function refused(request: IncomingMessage, ready: boolean): { code: string; text: string } | undefined {
  if (pathOf(request) !== '/v1') return { code: '404 Not Found', text: 'expected a WebSocket at /v1' };
  if (!ready) return { code: '503 Service Unavailable', text: 'the daemon is closing' };
  const bad = badHandshake(request);
  if (bad !== undefined) return { code: '400 Bad Request', text: bad };
  const asked = askedProtocols(request);
  if (subprotocols.some((known) => asked.includes(known))) return undefined;
  return { code: '400 Bad Request', text: `expected a subprotocol of: ${subprotocols.join(', ')}` };
}

function refuse(stream: Duplex, { code, text }: { code: string; text: string }): void {
  const body = `${text}\n`;
  stream.end(
    `HTTP/1.1 ${code}\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>firtrend</title>
<h1>firtrend is running</h1>
<p>The dashboard will be here. Until then: <code>npx firtrend tail '**' --url ws://HOST:PORT</code> follows the trends
in a terminal, and <a href="/readyz">/readyz</a> tells what this daemon runs on.
</html>
`;
