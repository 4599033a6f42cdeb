import { type SlotClock, slotClock } from '../dsp/slots.ts';
import { binaryClientCodec } from '../wire/binaryClientCodec.ts';
import type { OpenRequest, SubscribeRequest } from '../wire/clientMessages.ts';
import type { ClientCodec } from '../wire/codec.ts';
import { jsonClientCodec } from '../wire/jsonClientCodec.ts';
import type { Subprotocol } from '../wire/limits.ts';
import type { StreamInfo, Welcome } from '../wire/serverMessages.ts';
import { WireError } from '../wire/wireError.ts';
import { Connection } from './connection.ts';
import type { Producer } from './producer.ts';
import { Router } from './router.ts';
import { platformSocket, type SocketFactory, type SocketLike } from './socket.ts';
import type { Subscription } from './subscription.ts';

export type { Field } from '../wire/clientMessages.ts';
export type {
  Channel,
  KernelInfo,
  SlotInfo,
  StreamInfo,
  TrendFrame,
  Welcome,
} from '../wire/serverMessages.ts';
export type { Position } from './positions.ts';
export type { Producer } from './producer.ts';
export type { ProducerFrame } from './producerFrame.ts';
export type { SocketFactory, SocketLike } from './socket.ts';
export type { Subscription } from './subscription.ts';
export type { SubscriptionEvent } from './subscriptionEvent.ts';
// One door for users of the package, whose only entry this file is.
export { type SlotClock, slotClock, WireError };

export interface ConnectOptions {
  readonly token?: string | undefined;
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
}

type Asked<T> = Omit<T, 'type' | 'id'>;

export interface SubscribeOptions extends Omit<Asked<SubscribeRequest>, 'streams'> {
  /** One pattern or several. */
  readonly streams: string | readonly string[];
}

/** A connection to a daemon: feed streams, follow trends. All that goes wrong is a `WireError` with a `code`. */
export interface FirtrendClient {
  readonly welcome: Welcome;
  /** What the two ends agreed on. */
  readonly subprotocol: Subprotocol;
  /** Milliseconds to the daemon and back; undefined until measured. */
  readonly roundTrip: number | undefined;
  /** Resolves when the connection has ended: with why, or undefined when `close` was called. */
  readonly closed: Promise<WireError | undefined>;
  /** Becomes the producer of a stream. */
  open(options: Asked<OpenRequest>): Promise<Producer>;
  subscribe(options: SubscribeOptions): Promise<Subscription>;
  /** The streams that exist and match the pattern (all without one). */
  streams(pattern?: string): Promise<readonly StreamInfo[]>;
  /** Ends everything at once; `flush` producers first where that matters. */
  close(): Promise<void>;
}

/** Connects to a daemon (`ws://host:port/v1`). Rejects with `connectFailed`, or the code it was refused with. */
export async function connect(url: string, options: ConnectOptions = {}): Promise<FirtrendClient> {
  const { connectTimeout = 10_000, highWater = 4 * 1024 * 1024, maxQueue = 64 * 1024 * 1024 } = options;
  let onEnd: (error: WireError | undefined) => void = () => undefined;
  const closed = new Promise<WireError | undefined>((resolve) => {
    onEnd = resolve;
  });
  const router = new Router(highWater, maxQueue);
  const codecs: ClientCodec[] = [binaryClientCodec, jsonClientCodec].filter(
    ({ subprotocol }) => subprotocol === (options.subprotocol ?? subprotocol),
  );
  const connection = new Connection(await makeSocket(url, codecs, options.socket ?? platformSocket), codecs, {
    token: options.token,
    onMessage: (message) => router.dispatch(message),
    onEnd(error) {
      router.end(error);
      onEnd(error);
    },
  });
  router.connection = connection;
  const welcome = await welcomed(connection, closed, url, connectTimeout);

  return {
    welcome,
    closed,
    subprotocol: connection.subprotocol,
    get roundTrip() {
      return connection.roundTrip;
    },
    open(asked) {
      return router.request({ ...asked, type: 'open' }, 'opened', (opened) =>
        router.addProducer(opened, {
          channels: asked.channels.length,
          rate: asked.rate,
          maxMessage: welcome.limits.message,
        }),
      );
    },
    subscribe(asked) {
      const streams = typeof asked.streams === 'string' ? [asked.streams] : [...asked.streams];
      return router.request({ ...asked, type: 'subscribe', streams }, 'subscribed', (subscribed) =>
        router.addSubscription(subscribed, asked.fields ?? ['trend'], asked.start),
      );
    },
    streams(pattern) {
      return router.request(
        { type: 'streams', ...(pattern !== undefined && { pattern }) },
        'streams',
        (reply) => reply.streams,
      );
    },
    close: () => connection.close(),
  };
}

async function makeSocket(
  url: string,
  codecs: readonly ClientCodec[],
  factory: SocketFactory,
): Promise<SocketLike> {
  try {
    return await factory(
      url,
      codecs.map(({ subprotocol }) => subprotocol),
    );
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new WireError('connectFailed', `url: expected a daemon at ${url}, got: ${why}`, { cause });
  }
}

async function welcomed(
  connection: Connection,
  closed: FirtrendClient['closed'],
  url: string,
  timeout: number,
): Promise<Welcome> {
  const timer = setTimeout(() => {
    connection.end(
      new WireError('connectFailed', `url: expected a welcome from ${url} within ${timeout} ms, got none`),
      1000,
    );
  }, timeout);
  const first = await Promise.race([connection.welcomed(), closed]);
  clearTimeout(timer);
  if (first && !(first instanceof WireError)) return first;
  if (first?.code !== 'closed') throw first ?? new WireError('closed', 'connection: closed by this client');
  throw new WireError('connectFailed', `url: expected a daemon at ${url}, got: ${first.message}`, {
    cause: first,
    closeCode: first.closeCode,
  });
}
