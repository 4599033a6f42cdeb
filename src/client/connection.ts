import type { ControlRequest } from '../wire/clientMessages.ts';
import { closeCodes, closeName, closeReason } from '../wire/closeCodes.ts';
import type { ClientCodec, SamplesFrame } from '../wire/codec.ts';
import { protocol, type Subprotocol } from '../wire/limits.ts';
import type { ErrorMessage, Hello, ServerMessage, Welcome } from '../wire/serverMessages.ts';
import { WireError } from '../wire/wireError.ts';
import { type Heartbeat, heartbeat } from './heartbeat.ts';
import type { SocketLike } from './socket.ts';

/** A request without the id, which the connection gives. */
export type Request = ControlRequest extends infer R
  ? R extends { id: number }
    ? Omit<R, 'id'>
    : never
  : never;

/** A message that answers a request, told by its type. */
export type Reply = Extract<
  ServerMessage,
  { type: 'welcome' | 'opened' | 'subscribed' | 'closed' | 'unsubscribed' | 'streams' }
>;

/** Sends a request on the connection there is, or on the next one. */
export interface Requests {
  request<R extends Reply['type'], T>(
    message: Request,
    expected: R,
    accept: (reply: Extract<Reply, { type: R }>) => T,
  ): Promise<T>;
}

interface Pending {
  readonly accept: (reply: Reply) => void;
  readonly reject: (error: WireError) => void;
}

export interface ConnectionOptions {
  readonly token: string | undefined;
  /** Called when the daemon welcomes us. */
  readonly onWelcome: (welcome: Welcome) => void;
  /** Called with every message that is no reply and no part of the connection's own life. */
  readonly onMessage: (message: ServerMessage) => void;
  /** Called once, when the connection has ended: with why, or undefined when we closed it. */
  readonly onEnd: (error: WireError | undefined) => void;
}

/** One WebSocket: handshake, requests and their replies, heartbeat, end. Knows nothing of what the streams carry. */
export class Connection {
  readonly #socket: SocketLike;
  /** Those offered; the daemon takes one. */
  readonly #codecs: readonly ClientCodec[];
  #codec: ClientCodec;
  readonly #options: ConnectionOptions;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #heartbeat: Heartbeat | undefined;
  #welcomed = false;
  #ended = false;
  #onClose: (() => void) | undefined;
  /** What the daemon or the platform said was wrong, kept for the close that follows. */
  #trouble: unknown;

  /** @param socket not yet open; its handlers are taken over */
  constructor(socket: SocketLike, codecs: readonly ClientCodec[], options: ConnectionOptions) {
    this.#socket = socket;
    this.#codecs = codecs;
    this.#codec = codecs[0]!;
    this.#options = options;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.#opened();
    socket.onmessage = ({ data }) => this.#received(data);
    socket.onerror = ({ error, message }) => {
      this.#trouble ??= error ?? (message === undefined ? undefined : new Error(message));
    };
    socket.onclose = ({ code, reason }) => {
      this.end(closedError(code, reason, this.#trouble));
      this.#onClose?.();
    };
  }

  /** What was agreed on. */
  get subprotocol(): Subprotocol {
    return this.#codec.subprotocol;
  }

  get roundTrip(): number | undefined {
    return this.#heartbeat?.roundTrip;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** How many requests wait for their reply. */
  get waiting(): number {
    return this.#pending.size;
  }

  /**
   * Sends a request. `accept` is called with its reply before any later message is looked at; what it returns is what
   * the promise resolves to. Rejects with the daemon's error, or when the connection ends.
   */
  request<R extends Reply['type'], T>(
    message: Request,
    expected: R,
    accept: (reply: Extract<Reply, { type: R }>) => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#ended) {
        reject(
          new WireError('closed', `${message.type}: expected an open connection, got one that has ended`),
        );
        return;
      }
      const id = ++this.#lastId;
      this.#pending.set(id, {
        accept: (reply) => {
          if (reply.type === expected) resolve(accept(reply as Extract<Reply, { type: R }>));
          else reject(new WireError('internal', `reply: expected ${expected}, got ${reply.type}`, { id }));
        },
        reject,
      });
      this.#socket.send(this.#codec.encodeControl({ ...message, id } as ControlRequest));
    });
  }

  encode(frame: SamplesFrame): string | Uint8Array {
    return this.#codec.encodeSamples(frame);
  }

  send(data: string | Uint8Array): void {
    if (!this.#ended) this.#socket.send(data);
  }

  /** Whether the socket can stop reading; the browser's cannot. */
  get canPause(): boolean {
    return this.#socket.pause !== undefined && this.#socket.resume !== undefined;
  }

  pause(paused: boolean): void {
    if (paused) this.#socket.pause?.();
    else this.#socket.resume?.();
    this.#heartbeat?.hold(paused);
  }

  /** Closes, and resolves when the other side has closed too, or has had a second for it. */
  close(): Promise<void> {
    if (this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#socket.terminate?.();
        resolve();
      }, 1000);
      this.#onClose = () => {
        clearTimeout(timer);
        resolve();
      };
      this.end(undefined, 1000);
    });
  }

  /** The end, whoever brought it about: the first reason counts. */
  end(error: WireError | undefined, code?: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#heartbeat?.stop();
    if (code !== undefined) {
      // A paused socket would never see the other side's close.
      this.#socket.resume?.();
      this.#socket.close(code, error && closeReason(error.message));
    }
    const reason = error ?? new WireError('closed', 'connection: closed by this client');
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
    this.#options.onEnd(error);
  }

  #opened(): void {
    const { protocol: taken } = this.#socket;
    const codec = this.#codecs.find(({ subprotocol }) => subprotocol === taken);
    if (codec) {
      this.#codec = codec;
      return;
    }
    const offered = this.#codecs.map(({ subprotocol }) => subprotocol).join(' or ');
    this.#fail('version', `subprotocol: expected ${offered}, got ${taken || 'none'}`);
  }

  #fail(code: 'version' | 'badMessage' | 'unauthorised' | 'noAlive', message: string, cause?: unknown): void {
    const closeCode = closeCodes[code];
    this.end(new WireError(code, message, { closeCode, cause }), closeCode);
  }

  #received(data: unknown): void {
    if (this.#ended) return;
    this.#heartbeat?.heard();
    let message: ServerMessage;
    try {
      message = this.#codec.decodeServerMessage(
        data instanceof ArrayBuffer ? new Uint8Array(data) : (data as string),
      );
    } catch (error) {
      this.#fail('badMessage', error instanceof Error ? error.message : String(error), error);
      return;
    }
    this.#dispatch(message);
  }

  #dispatch(message: ServerMessage): void {
    switch (message.type) {
      case 'hello':
        this.#greeted(message);
        break;
      case 'welcome': {
        const renewed = message.id === undefined ? undefined : this.#take(message.id);
        if (renewed) renewed.accept(message);
        else if (!this.#welcomed) {
          this.#welcomed = true;
          this.#options.onWelcome(message);
        }
        break;
      }
      case 'alive':
        this.#heartbeat?.alive(message);
        this.#options.onMessage(message);
        break;
      case 'error':
        this.#refused(message);
        break;
      case 'opened':
      case 'subscribed':
      case 'unsubscribed':
      case 'streams':
      case 'closed':
        if (message.id === undefined) this.#options.onMessage(message);
        else this.#take(message.id)?.accept(message);
        break;
      case 'ack':
      case 'added':
      case 'removed':
      case 'stale':
      case 'live':
      case 'kernel':
      case 'gap':
      case 'trend':
      case 'draining':
        this.#options.onMessage(message);
        break;
    }
  }

  #greeted({ protocol: spoken, ping, authRequired }: Hello): void {
    if (spoken !== protocol) {
      this.#fail('version', `protocol: expected ${protocol}, got ${spoken}`);
      return;
    }
    this.#heartbeat = heartbeat({
      ...ping,
      send: (alive) => this.send(this.#codec.encodeControl({ type: 'alive', ...alive })),
      onSilence: (ms) =>
        this.#fail(
          'noAlive',
          `connection: expected a message each ${ping.interval} ms, got none for ${Math.round(ms)} ms`,
        ),
    });
    if (!authRequired) return;
    const { token } = this.#options;
    if (token === undefined) {
      this.#fail('unauthorised', 'token: expected one (the daemon requires authentication), got none');
      return;
    }
    this.send(this.#codec.encodeControl({ type: 'auth', id: ++this.#lastId, token }));
  }

  #refused(message: ErrorMessage): void {
    const error = wireErrorOf(message);
    const pending = message.id === undefined ? undefined : this.#take(message.id);
    if (pending) pending.reject(error);
    else if (!this.#welcomed) this.end(error, 1000);
    else if (message.slot !== undefined || message.id !== undefined) this.#options.onMessage(message);
    else this.#trouble = error;
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }
}

export function wireErrorOf({ code, message, field, id, slot, retryAfter }: ErrorMessage): WireError {
  return new WireError(code, message, { field, id, slot, retryAfter });
}

function closedError(closeCode: number, reason: string, cause: unknown): WireError {
  const code = closeName(closeCode) ?? 'closed';
  const why = reason || (cause instanceof Error ? cause.message : 'without a reason');
  return new WireError(code, `connection: closed with ${closeCode}: ${why}`, { closeCode, cause });
}
