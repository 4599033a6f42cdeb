import type { Field, SubscribeRequest } from '../wire/clientMessages.ts';
import type { Opened, ServerMessage, Subscribed } from '../wire/serverMessages.ts';
import { WireError } from '../wire/wireError.ts';
import { type Connection, type Reply, type Request, wireErrorOf } from './connection.ts';
import { makeProducer, type Producer, type ProducerEnd, type ProducerOptions } from './producer.ts';
import { makeSubscription, type Subscription, type SubscriptionEnd } from './subscription.ts';

const closedBecause = {
  takenOver: 'producer: another one took over its stream',
  forbidden: 'producer: the token no longer allows it',
  deleted: 'producer: its stream was deleted',
  closed: 'producer: the daemon closed it',
} as const;

/**
 * Takes every message to the producer or subscription that it concerns, and stops reading the socket while consumers
 * are behind. It goes on reading while anybody waits for a reply or an acknowledgement on this connection: a consumer
 * that awaits one between two events would wait for ever.
 */
export class Router {
  readonly #highWater: number;
  readonly #maxQueue: number;
  #connection: Connection | undefined;
  readonly #producers = new Map<number, ProducerEnd>();
  readonly #subscriptions = new Map<number, SubscriptionEnd>();
  /** Subscriptions by the slots of their streams. */
  readonly #bySlot = new Map<number, SubscriptionEnd>();
  #paused = false;
  /** Bytes that wait for consumers. */
  #queued = 0;

  constructor(highWater: number, maxQueue: number) {
    this.#highWater = highWater;
    this.#maxQueue = maxQueue;
  }

  set connection(connection: Connection) {
    this.#connection = connection;
  }

  async request<R extends Reply['type'], T>(
    message: Request,
    expected: R,
    accept: (reply: Extract<Reply, { type: R }>) => T,
  ): Promise<T> {
    const reply = this.#connection!.request(message, expected, accept);
    this.#balance();
    return await reply;
  }

  addProducer(opened: Opened, stream: Pick<ProducerOptions, 'channels' | 'rate' | 'maxMessage'>): Producer {
    const { slot } = opened;
    const producer = makeProducer({
      ...stream,
      connection: this.#connection!,
      opened,
      onWaiting: () => this.#balance(),
      giveBack: () =>
        this.request({ type: 'close', slot }, 'closed', () => {
          this.#producers.delete(slot);
        }),
    });
    this.#producers.set(slot, producer);
    return producer;
  }

  addSubscription(
    message: Subscribed,
    fields: readonly Field[],
    start: SubscribeRequest['start'],
  ): Subscription {
    const { id } = message;
    const subscription = makeSubscription({
      id,
      fields,
      start,
      onWeight: (by) => this.#weigh(this.#subscriptions.get(id), by),
      onTake: () => this.#balance(),
      unsubscribe: () => this.#unsubscribe(id),
    });
    this.#subscriptions.set(id, subscription);
    this.#add(subscription, message);
    return subscription;
  }

  dispatch(message: ServerMessage): void {
    switch (message.type) {
      case 'ack':
        this.#producers.get(message.slot)?.acknowledged(message.nextSeq);
        break;
      case 'closed': {
        const error = new WireError(message.reason ?? 'closed', closedBecause[message.reason ?? 'closed'], {
          slot: message.slot,
        });
        this.#producers.get(message.slot)?.fail(error, true);
        this.#producers.delete(message.slot);
        break;
      }
      case 'error':
        if (message.slot !== undefined) this.#producers.get(message.slot)?.fail(wireErrorOf(message), false);
        else if (message.id !== undefined) this.#subscriptions.get(message.id)?.refused(wireErrorOf(message));
        break;
      case 'added': {
        const subscription = this.#subscriptions.get(message.id);
        if (subscription) this.#add(subscription, message);
        break;
      }
      case 'removed':
        this.#subscriptions.get(message.id)?.deliver(message);
        for (const slot of message.slots) this.#bySlot.delete(slot);
        break;
      case 'stale':
        this.#subscriptions.get(message.id)?.deliver(message);
        break;
      case 'trend':
      case 'gap':
      case 'live':
        this.#bySlot.get(message.slot)?.deliver(message);
        break;
      case 'kernel':
        for (const subscription of this.#subscriptions.values()) subscription.deliver(message);
        break;
      case 'alive':
        if (message.slots) {
          for (const subscription of this.#subscriptions.values()) subscription.heads(message.slots);
        }
        break;
      // Replies and the handshake: the connection's own.
      case 'hello':
      case 'welcome':
      case 'opened':
      case 'subscribed':
      case 'unsubscribed':
      case 'streams':
      // What to do about it is for a client that reconnects.
      case 'draining':
        break;
    }
    this.#balance();
  }

  end(error: WireError | undefined): void {
    const reason = error ?? new WireError('closed', 'connection: closed by this client');
    for (const producer of this.#producers.values()) producer.fail(reason, true);
    for (const subscription of this.#subscriptions.values()) subscription.end(error, error === undefined);
    this.#producers.clear();
    this.#subscriptions.clear();
    this.#bySlot.clear();
  }

  #add(
    subscription: SubscriptionEnd,
    message: Extract<ServerMessage, { type: 'subscribed' | 'added' }>,
  ): void {
    for (const { slot } of message.streams) this.#bySlot.set(slot, subscription);
    subscription.deliver(message);
  }

  async #unsubscribe(id: number): Promise<void> {
    const subscription = this.#subscriptions.get(id);
    if (!subscription) return;
    this.#subscriptions.delete(id);
    for (const slot of subscription.slots()) this.#bySlot.delete(slot);
    await this.request({ type: 'unsubscribe', subscription: id }, 'unsubscribed', () => undefined);
  }

  #balance(): void {
    // Half, so that the socket is not stopped and started with every event.
    const most = this.#paused ? this.#highWater / 2 : this.#highWater;
    const pause = this.#queued > most && !this.#waiting();
    const connection = this.#connection!;
    if (pause === this.#paused || (pause && !connection.canPause)) return;
    this.#paused = pause;
    connection.pause(pause);
  }

  #waiting(): boolean {
    if (this.#connection!.waiting > 0) return true;
    for (const { waiting } of this.#producers.values()) if (waiting) return true;
    return false;
  }

  #weigh(subscription: SubscriptionEnd | undefined, by: number): void {
    this.#queued += by;
    if (!subscription || by <= 0 || subscription.weight <= this.#maxQueue) return;
    const message = `subscription: expected at most ${this.#maxQueue} bytes waiting for its consumer, got ${subscription.weight}`;
    subscription.end(new WireError('tooSlow', message, { id: subscription.id }), true);
    // Nobody awaits this: a refusal means that the two ends no longer agree, and ends the connection.
    this.#unsubscribe(subscription.id).catch((error: WireError) => this.#connection!.end(error, 1000));
  }
}
