import { type SlotClock, slotClock, slots } from '../dsp/slots.ts';
import { binaryClientCodec } from '../wire/binaryClientCodec.ts';
import type { SubscribeRequest } from '../wire/clientMessages.ts';
import type { ClientCodec } from '../wire/codec.ts';
import { jsonClientCodec } from '../wire/jsonClientCodec.ts';
import type { Subprotocol } from '../wire/limits.ts';
import type { StreamInfo, Welcome } from '../wire/serverMessages.ts';
import { WireError } from '../wire/wireError.ts';
import type { ReconnectOptions } from './backoff.ts';
import type { Connection, Reply, Request } from './connection.ts';
import { type ConnectionState, keepConnected } from './link.ts';
import type { Producer } from './producer.ts';
import type { OpenOptions } from './producers.ts';
import { Router } from './router.ts';
import type { TokenSource } from './session.ts';
import { platformSocket, type SocketFactory } from './socket.ts';
import type { Subscription } from './subscription.ts';

export type { Field } from '../wire/clientMessages.ts';
export type {
  Channel,
  KernelInfo,
  Lost,
  SlotInfo,
  StreamInfo,
  TrendFrame,
  Welcome,
} from '../wire/serverMessages.ts';
export type { ReconnectOptions } from './backoff.ts';
export type { ConnectionState } from './link.ts';
export type { Position } from './positions.ts';
export type { Producer } from './producer.ts';
export type { ProducerFrame } from './producerFrame.ts';
export type { OpenOptions } from './producers.ts';
export type { TokenSource } from './session.ts';
export type { SocketFactory, SocketLike } from './socket.ts';
export type { Subscription } from './subscription.ts';
export type { SubscriptionEvent } from './subscriptionEvent.ts';
// One door for users of the package, whose only entry this file is.
export { type SlotClock, slotClock, slots, WireError };

export interface ConnectOptions {
  /** A token, or a function that gets one: asked for each connection, and again before its token ends. */
  readonly token?: TokenSource | undefined;
  /** How a connection that broke is made again; `false`: it is not. */
  readonly reconnect?: ReconnectOptions | false | undefined;
  /** `firtrend.v1.bin` (samples are binary) or `firtrend.v1.json`; by default the first that the daemon speaks. */
  readonly subprotocol?: Subprotocol | undefined;
  /** Makes the WebSocket; by default the platform's own, in a Node without one that of the package `ws`. */
  readonly socket?: SocketFactory | undefined;
  /** Milliseconds until the daemon must have welcomed us; 10 s. */
  readonly connectTimeout?: number | undefined;
  /**
   * Bytes that may wait for slow consumers before the socket is no longer read, where it can pause (`ws` can, a
   * browser's cannot) and nobody waits for a reply or an acknowledgement on the same connection; 4 MiB.
   */
  readonly highWater?: number | undefined;
  /** Bytes that may wait for one consumer before its subscription ends with `tooSlow`; 64 MiB. */
  readonly maxQueue?: number | undefined;
  /** Bytes that one producer may have waiting to be sent before it refuses more with `bufferFull`; 64 MiB. */
  readonly maxUnsent?: number | undefined;
}

export interface SubscribeOptions extends Omit<SubscribeRequest, 'type' | 'id' | 'streams'> {
  /** One pattern or several. */
  readonly streams: string | readonly string[];
}

/**
 * A daemon's client: feeds streams, follows trends. It comes back by itself when the connection breaks, unless the daemon
 * said that it would only happen again. All that goes wrong is a `WireError` with a `code`.
 */
export interface FirtrendClient {
  /** What the daemon said of itself, and of the token, the last time. */
  readonly welcome: Welcome;
  /** What the two ends agreed on. */
  readonly subprotocol: Subprotocol;
  /** Milliseconds to the daemon and back; undefined until measured. */
  readonly roundTrip: number | undefined;
  readonly state: ConnectionState;
  /** Calls at every change of `state`; returns what ends that. */
  onState(listener: (state: ConnectionState) => void): () => void;
  /** Resolves when the connection has ended for good: with why, or undefined when `close` was called. */
  readonly closed: Promise<WireError | undefined>;
  /** Becomes the producer of a stream. */
  open(options: OpenOptions): Promise<Producer>;
  subscribe(options: SubscribeOptions): Promise<Subscription>;
  /** The streams that exist and match the pattern (all without one). */
  streams(pattern?: string): Promise<readonly StreamInfo[]>;
  /** Ends everything at once; `flush` producers first where that matters. */
  close(): Promise<void>;
}

const mebibyte = 1024 * 1024;

/** Connects to a daemon (`ws://host:port/v1`). Rejects with `connectFailed`, or the code it was refused with. */
export async function connect(url: string, options: ConnectOptions = {}): Promise<FirtrendClient> {
  const codecs: ClientCodec[] = [binaryClientCodec, jsonClientCodec].filter(
    ({ subprotocol }) => subprotocol === (options.subprotocol ?? subprotocol),
  );
  let onEnd: (error: WireError | undefined) => void = () => undefined;
  const closed = new Promise<WireError | undefined>((resolve) => {
    onEnd = resolve;
  });
  /** The one there is, or was last. */
  let latest: Connection;
  const router = new Router({
    request,
    highWater: options.highWater ?? 4 * mebibyte,
    maxQueue: options.maxQueue ?? 64 * mebibyte,
    maxUnsent: options.maxUnsent ?? 64 * mebibyte,
  });
  const link = keepConnected({
    ...{ url, codecs, token: options.token },
    reconnect: options.reconnect ?? {},
    socket: options.socket ?? platformSocket,
    timeout: options.connectTimeout ?? 10_000,
    onMessage: (message) => router.dispatch(message),
    onUp(connection, welcome) {
      latest = connection;
      router.attach(connection, welcome);
    },
    onDown: (error) => router.detach(error),
    onEnd(error) {
      router.end(error);
      onEnd(error);
    },
  });

  async function request<R extends Reply['type'], T>(
    message: Request,
    expected: R,
    accept: (reply: Extract<Reply, { type: R }>) => T,
  ): Promise<T> {
    for (;;) {
      const connection = await link.up();
      const reply = connection.request(message, expected, accept);
      router.balance();
      try {
        return await reply;
      } catch (error) {
        // It went with its connection: it is asked again on the next.
        if (!connection.ended || link.state.status === 'closed') throw error;
      }
    }
  }

  await link.up();
  return {
    get welcome() {
      return link.welcome!;
    },
    get subprotocol() {
      return latest.subprotocol;
    },
    get roundTrip() {
      return latest.roundTrip;
    },
    get state() {
      return link.state;
    },
    onState: link.onState,
    closed,
    open: (asked) => router.producers.open(asked),
    subscribe({ streams, ...asked }) {
      const patterns = typeof streams === 'string' ? [streams] : [...streams];
      return router.subscriptions.subscribe({ ...asked, type: 'subscribe', streams: patterns });
    },
    streams: (pattern) =>
      request(
        { type: 'streams', ...(pattern !== undefined && { pattern }) },
        'streams',
        (reply) => reply.streams,
      ),
    close: link.close,
  };
}
