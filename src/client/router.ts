import type { ServerMessage, Welcome } from '../wire/serverMessages.ts';
import { WireError } from '../wire/wireError.ts';
import { type Connection, type Requests, wireErrorOf } from './connection.ts';
import { Producers } from './producers.ts';
import { Subscriptions } from './subscriptions.ts';

export interface RouterOptions extends Requests {
  /** Bytes that may wait for all consumers before the socket is no longer read. */
  readonly highWater: number;
  /** Bytes that may wait for one. */
  readonly maxQueue: number;
  /** Bytes that one producer may have waiting. */
  readonly maxUnsent: number;
}

/**
 * Takes every message to the producer or subscription that it concerns, and stops reading the socket while consumers
 * are behind. It goes on reading while anybody waits for a reply or an acknowledgement on this connection: a consumer
 * that awaits one between two events would wait for ever.
 */
export class Router {
  readonly producers: Producers;
  readonly subscriptions: Subscriptions;
  readonly #highWater: number;
  #connection: Connection | undefined;
  #paused = false;
  /** Bytes that wait for consumers. */
  #queued = 0;

  constructor({ highWater, request, maxQueue, maxUnsent }: RouterOptions) {
    const onTake = (): void => this.balance();
    const onWeight = (by: number): void => {
      this.#queued += by;
    };
    this.#highWater = highWater;
    this.producers = new Producers({ request, maxUnsent, onWaiting: onTake });
    this.subscriptions = new Subscriptions({ request, maxQueue, onWeight, onTake });
  }

  attach(connection: Connection, welcome: Welcome): void {
    this.#connection = connection;
    this.#paused = false;
    this.producers.attach(connection, welcome);
    this.subscriptions.attach(connection, welcome);
    this.balance();
  }

  detach(error: WireError): void {
    this.#connection = undefined;
    this.producers.detach();
    this.subscriptions.detach(error);
  }

  end(error: WireError | undefined): void {
    this.#connection = undefined;
    this.producers.end(error ?? new WireError('closed', 'connection: closed by this client'));
    this.subscriptions.end(error);
  }

  dispatch(message: ServerMessage): void {
    if (message.type === 'ack') this.producers.acknowledged(message.slot, message.nextSeq);
    else if (message.type === 'closed') this.producers.closed(message);
    else if (message.type !== 'error') this.subscriptions.dispatch(message);
    else if (message.slot !== undefined) this.producers.refused(message.slot, wireErrorOf(message));
    else if (message.id !== undefined) this.subscriptions.refused(message.id, wireErrorOf(message));
    this.balance();
  }

  balance(): void {
    const connection = this.#connection;
    if (!connection) return;
    // Half, so that the socket is not stopped and started with every event.
    const most = this.#paused ? this.#highWater / 2 : this.#highWater;
    const pause = this.#queued > most && connection.waiting === 0 && !this.producers.waiting;
    if (pause === this.#paused || (pause && !connection.canPause)) return;
    this.#paused = pause;
    connection.pause(pause);
  }
}
