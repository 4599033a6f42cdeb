import { mayReconnect } from '../wire/closeCodes.ts';
import type { ServerMessage, Welcome } from '../wire/serverMessages.ts';
import { WireError } from '../wire/wireError.ts';
import { backoff, type ReconnectOptions } from './backoff.ts';
import type { Connection } from './connection.ts';
import { renewal } from './renewal.ts';
import { type Session, type SessionOptions, startSession } from './session.ts';

/** What the connection to the daemon is doing. */
export type ConnectionState =
  /** `attempt` counts from 0. */
  | { readonly status: 'connecting'; readonly attempt: number }
  /** `draining`: the daemon closes at this time (ms since 1970); we come back then. */
  | { readonly status: 'connected'; readonly draining?: number | undefined }
  /** Until `retryAt` (ms since 1970), for this reason. */
  | {
      readonly status: 'waiting';
      readonly attempt: number;
      readonly retryAt: number;
      readonly error: WireError;
    }
  /** For good: with why, or undefined when `close` was called. */
  | { readonly status: 'closed'; readonly error: WireError | undefined };

export interface LinkOptions
  extends Pick<SessionOptions, 'url' | 'codecs' | 'socket' | 'token' | 'timeout' | 'onMessage'> {
  readonly reconnect: ReconnectOptions | false;
  readonly onUp: (connection: Connection, welcome: Welcome) => void;
  /** The connection is gone and will be made again. */
  readonly onDown: (error: WireError) => void;
  readonly onEnd: (error: WireError | undefined) => void;
}

/** Keeps a connection to the daemon: makes it again when it breaks, and its token new before it ends. */
export interface Link {
  readonly state: ConnectionState;
  readonly welcome: Welcome | undefined;
  /** Calls at every change; returns what ends that. */
  onState(listener: (state: ConnectionState) => void): () => void;
  /** The connection, as soon as there is one. Rejects once there will be none any more. */
  up(): Promise<Connection>;
  close(): Promise<void>;
}

interface Waiter {
  readonly resolve: (connection: Connection) => void;
  readonly reject: (error: WireError) => void;
}

export function keepConnected(options: LinkOptions): Link {
  const { reconnect, token } = options;
  const waits = backoff(reconnect || {});
  const listeners = new Set<(state: ConnectionState) => void>();
  const waiters: Waiter[] = [];
  let state: ConnectionState = { status: 'connecting', attempt: 0 };
  let session: Session;
  let connection: Connection | undefined;
  let welcome: Welcome | undefined;
  let upSince = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tokens = renewal(token, (renewed) => {
    welcome = renewed;
  });

  function become(next: ConnectionState): void {
    state = next;
    for (const listener of [...listeners]) listener(next);
  }

  function begin(): void {
    timer = undefined;
    // Once they have agreed, a subprotocol stays what it is: samples that wait are encoded in it.
    const { codecs } = options;
    const agreed = connectedOnce && codecs.filter(({ subprotocol }) => subprotocol === connectedOnce);
    session = startSession({
      ...options,
      codecs: agreed || codecs,
      onWelcome: up,
      onMessage(message: ServerMessage) {
        if (message.type === 'draining') become({ status: 'connected', draining: message.deadline });
        options.onMessage(message);
      },
      onEnd: down,
    });
  }
  let connectedOnce: string | undefined;

  function up(made: Connection, greeting: Welcome): void {
    connection = made;
    connectedOnce = made.subprotocol;
    welcome = greeting;
    upSince = performance.now();
    tokens.begin(made, greeting);
    options.onUp(made, greeting);
    become({ status: 'connected' });
    for (const { resolve } of waiters.splice(0)) resolve(made);
  }

  function down(error: WireError | undefined): void {
    const lasted = connection ? performance.now() - upSince : 0;
    connection = undefined;
    tokens.stop();
    const again = reconnect && (connectedOnce !== undefined || reconnect.first);
    if (!error || !again || !worthAnother(error)) {
      end(error);
      return;
    }
    const wait = waits.next(lasted, error.retryAfter);
    if (connectedOnce !== undefined) options.onDown(error);
    timer = setTimeout(() => {
      become({ status: 'connecting', attempt: waits.failures });
      begin();
    }, wait);
    become({ status: 'waiting', attempt: waits.failures, retryAt: Date.now() + wait, error });
  }

  function end(error: WireError | undefined): void {
    options.onEnd(error);
    become({ status: 'closed', error });
    for (const { reject } of waiters.splice(0)) reject(error ?? closedByUs());
  }

  begin();
  return {
    get state() {
      return state;
    },
    get welcome() {
      return welcome;
    },
    onState(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    up() {
      if (connection) return Promise.resolve(connection);
      if (state.status === 'closed') return Promise.reject(closedByUs(state.error));
      return new Promise((resolve, reject) => waiters.push({ resolve, reject }));
    },
    async close() {
      if (state.status === 'closed') return;
      if (timer === undefined) {
        await session.close();
        return;
      }
      clearTimeout(timer);
      end(undefined);
    },
  };
}

function closedByUs(cause?: WireError): WireError {
  const why = cause ? `one that has ended (${cause.message})` : 'one closed by this client';
  return new WireError('closed', `connection: expected an open one, got ${why}`, { cause });
}

/** Whether the same client may do better later. */
function worthAnother({ code, closeCode, retryAfter }: WireError): boolean {
  if (retryAfter !== undefined) return true;
  return closeCode === undefined ? code === 'connectFailed' || code === 'closed' : mayReconnect(closeCode);
}
