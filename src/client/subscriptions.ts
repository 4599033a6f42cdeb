import type { ServerMessage, Subscribed, Welcome } from '../wire/serverMessages.ts';
import { WireError } from '../wire/wireError.ts';
import type { Connection, Requests } from './connection.ts';
import { type Resume, resumeFrom, told, withoutNewEpochs } from './resume.ts';
import { type Asked, makeSubscription, type Subscription, type SubscriptionEnd } from './subscription.ts';

export interface SubscriptionsOptions extends Requests {
  /** Bytes that may wait for one consumer. */
  readonly maxQueue: number;
  /** Called with every change of the bytes that wait. */
  readonly onWeight: (by: number) => void;
  readonly onTake: () => void;
}

/** The subscriptions of a client: by id and slots while there is a connection, asked for again on the next. */
export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  /** Each with the id that it has on this connection, undefined where it has none. */
  readonly #all = new Map<SubscriptionEnd, number | undefined>();
  readonly #byId = new Map<number, SubscriptionEnd>();
  readonly #bySlot = new Map<number, SubscriptionEnd>();
  #connection: Connection | undefined;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  subscribe(asked: Asked): Promise<Subscription> {
    return this.#options.request(asked, 'subscribed', (subscribed) => {
      const subscription: SubscriptionEnd = makeSubscription({
        asked,
        onWeight: (by) => this.#weigh(subscription, by),
        onTake: this.#options.onTake,
        unsubscribe: () => this.#drop(subscription),
      });
      this.#place(subscription, subscribed);
      subscription.begin('subscribed', subscribed.streams, asked.start);
      return subscription;
    });
  }

  attach(connection: Connection, { limits }: Welcome): void {
    this.#connection = connection;
    for (const [subscription] of this.#all) {
      this.#resume(subscription, connection, limits.control).catch((error: WireError) => {
        if (connection.ended || !this.#all.has(subscription)) return;
        this.#all.delete(subscription);
        subscription.end(error, false);
      });
    }
  }

  detach(error: WireError): void {
    this.#connection = undefined;
    this.#byId.clear();
    this.#bySlot.clear();
    for (const [subscription, id] of this.#all) {
      this.#all.set(subscription, undefined);
      // One that was not back yet has been told already.
      if (id !== undefined) subscription.disconnected(error);
    }
  }

  end(error: WireError | undefined): void {
    for (const [subscription] of this.#all) subscription.end(error, error === undefined);
    this.#all.clear();
    this.#byId.clear();
    this.#bySlot.clear();
  }

  dispatch(message: ServerMessage): void {
    switch (message.type) {
      case 'added': {
        const subscription = this.#byId.get(message.id);
        if (!subscription) break;
        for (const { slot } of message.streams) this.#bySlot.set(slot, subscription);
        subscription.deliver(message);
        break;
      }
      case 'removed':
        this.#byId.get(message.id)?.deliver(message);
        for (const slot of message.slots) this.#bySlot.delete(slot);
        break;
      case 'stale':
        this.#byId.get(message.id)?.deliver(message);
        break;
      case 'trend':
      case 'gap':
      case 'live':
        this.#bySlot.get(message.slot)?.deliver(message);
        break;
      case 'kernel':
        for (const subscription of this.#byId.values()) subscription.deliver(message);
        break;
      case 'alive':
        if (message.slots) for (const subscription of this.#byId.values()) subscription.heads(message.slots);
        break;
      // Replies, the connection's own, and the producers'.
      case 'hello':
      case 'welcome':
      case 'draining':
      case 'streams':
      case 'subscribed':
      case 'unsubscribed':
      case 'opened':
      case 'closed':
      case 'ack':
      case 'error':
        break;
    }
  }

  refused(id: number, error: WireError): void {
    this.#byId.get(id)?.refused(error);
  }

  async #resume(subscription: SubscriptionEnd, connection: Connection, control: number): Promise<void> {
    const { asked } = subscription;
    const accept = (subscribed: Subscribed, start: Asked['start'], streams = subscribed.streams): void => {
      if (!this.#all.has(subscription)) {
        this.#forget(connection, subscribed.id);
        return;
      }
      this.#place(subscription, subscribed);
      subscription.begin('resumed', streams, start);
    };
    if (asked.mode === 'latest') {
      await connection.request(asked, 'subscribed', (subscribed) => accept(subscribed, 'live'));
      return;
    }
    const known = subscription.arrived();
    const ask = (start: Resume, last: boolean): Promise<Resume | undefined> =>
      connection.request({ ...asked, start }, 'subscribed', (subscribed) => {
        const other = last ? undefined : withoutNewEpochs(start, subscribed.streams);
        if (other) this.#forget(connection, subscribed.id);
        else accept(subscribed, start, told(subscribed.streams, known, start));
        return other;
      });
    const other = await ask(resumeFrom(known, control), false);
    if (other) await ask(other, true);
  }

  #place(subscription: SubscriptionEnd, { id, streams }: Subscribed): void {
    this.#all.set(subscription, id);
    this.#byId.set(id, subscription);
    for (const { slot } of streams) this.#bySlot.set(slot, subscription);
  }

  async #drop(subscription: SubscriptionEnd): Promise<void> {
    const id = this.#all.get(subscription);
    this.#all.delete(subscription);
    if (id === undefined) return;
    this.#byId.delete(id);
    for (const slot of subscription.slots()) this.#bySlot.delete(slot);
    const connection = this.#connection;
    try {
      await connection?.request({ type: 'unsubscribe', subscription: id }, 'unsubscribed', () => undefined);
    } catch (error) {
      if (!connection?.ended) throw error;
    }
  }

  /** Nobody awaits this: a refusal means that the two ends no longer agree, and ends the connection. */
  #forget(connection: Connection, id: number): void {
    connection
      .request({ type: 'unsubscribe', subscription: id }, 'unsubscribed', () => undefined)
      .catch((error: WireError) => connection.end(error, 1000));
  }

  #weigh(subscription: SubscriptionEnd, by: number): void {
    this.#options.onWeight(by);
    const { maxQueue } = this.#options;
    if (by <= 0 || !this.#all.has(subscription) || subscription.weight <= maxQueue) return;
    const message = `subscription: expected at most ${maxQueue} bytes waiting for its consumer, got ${subscription.weight}`;
    subscription.end(new WireError('tooSlow', message), true);
    const connection = this.#connection;
    this.#drop(subscription).catch((error: WireError) => connection?.end(error, 1000));
  }
}
