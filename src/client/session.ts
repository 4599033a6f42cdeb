import type { ClientCodec } from '../wire/codec.ts';
import type { ServerMessage, Welcome } from '../wire/serverMessages.ts';
import { WireError } from '../wire/wireError.ts';
import { Connection } from './connection.ts';
import type { SocketFactory, SocketLike } from './socket.ts';

/** A token, or what gets one: it is asked before each connection and before a token ends. */
export type TokenSource = string | (() => string | Promise<string>);

export interface SessionOptions {
  readonly url: string;
  readonly codecs: readonly ClientCodec[];
  readonly socket: SocketFactory;
  readonly token: TokenSource | undefined;
  /** Milliseconds until the daemon must have welcomed us. */
  readonly timeout: number;
  readonly onWelcome: (connection: Connection, welcome: Welcome) => void;
  readonly onMessage: (message: ServerMessage) => void;
  /** Called once, also where it never came to a welcome: with why, or undefined when we ended it. */
  readonly onEnd: (error: WireError | undefined) => void;
}

/** One attempt at a connection, and what becomes of it. */
export interface Session {
  /** Resolves when the other side has closed too, or has had a second for it. */
  close(): Promise<void>;
}

export function startSession(options: SessionOptions): Session {
  const { url, timeout } = options;
  let connection: Connection | undefined;
  let ended = false;
  let welcomed = false;
  const timer = setTimeout(() => {
    const error = new WireError(
      'connectFailed',
      `url: expected a welcome from ${url} within ${timeout} ms, got none`,
    );
    if (connection) connection.end(error, 1000);
    else end(error);
  }, timeout);

  function end(error: WireError | undefined): void {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    options.onEnd(error && !welcomed ? notConnected(url, error) : error);
  }

  async function begin(): Promise<void> {
    const token = await tokenOf(options.token);
    if (ended) return;
    const socket = await socketTo(options);
    if (ended) {
      abandon(socket);
      return;
    }
    connection = new Connection(socket, options.codecs, {
      token,
      onMessage: options.onMessage,
      onWelcome(welcome) {
        clearTimeout(timer);
        welcomed = true;
        options.onWelcome(connection!, welcome);
      },
      onEnd: end,
    });
  }
  begin().catch(end);

  return {
    async close() {
      if (connection) await connection.close();
      else end(undefined);
    },
  };
}

/** @throws WireError `unauthorised` with the cause */
export async function tokenOf(source: TokenSource | undefined): Promise<string | undefined> {
  if (typeof source !== 'function') return source;
  try {
    return await source();
  } catch (cause) {
    // Whoever gives tokens may be back in a moment: it is worth another attempt.
    throw new WireError('unauthorised', `token: expected one from the function given, got: ${text(cause)}`, {
      cause,
      retryAfter: 0,
    });
  }
}

async function socketTo({ url, codecs, socket }: SessionOptions): Promise<SocketLike> {
  const subprotocols = codecs.map(({ subprotocol }) => subprotocol);
  try {
    return await socket(url, subprotocols);
  } catch (cause) {
    throw new WireError('connectFailed', `url: expected a daemon at ${url}, got: ${text(cause)}`, { cause });
  }
}

function abandon(socket: SocketLike): void {
  // One of `ws` that is closed while it connects tells so as an error.
  socket.onerror = () => undefined;
  socket.close();
}

/** A connection that never was did not end: it failed. */
function notConnected(url: string, error: WireError): WireError {
  if (error.code !== 'closed') return error;
  const { closeCode, message } = error;
  return new WireError('connectFailed', `url: expected a daemon at ${url}, got: ${message}`, {
    cause: error,
    closeCode,
  });
}

function text(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
