import type { Field, SubscribeRequest } from '../wire/clientMessages.ts';
import type { ServerMessage, SlotInfo, TrendFrame } from '../wire/serverMessages.ts';
import type { WireError } from '../wire/wireError.ts';
import { type EventQueue, eventQueue } from './eventQueue.ts';
import { type Position, positions } from './positions.ts';
import type { SubscriptionEvent } from './subscriptionEvent.ts';

/**
 * Trends as they come. One consumer; leaving its loop ends the subscription. Events that wait are counted in bytes:
 * see `ConnectOptions.highWater` and `maxQueue`.
 */
export interface Subscription extends AsyncIterableIterator<SubscriptionEvent, undefined> {
  readonly id: number;
  /** The streams that it has now, as the consumer has been told. */
  streams(): readonly SlotInfo[];
  /**
   * Where to go on, by stream: `subscribe({start: {positions}})`. It says what the consumer has been handed, not what
   * has arrived, so nothing that waits here is skipped.
   */
  positions(): Record<string, Position>;
  /** Ends the subscription; events that wait are dropped. */
  close(): Promise<void>;
}

/** Messages that concern a subscription, with the slots that are its own. */
type SubscriptionMessage = Extract<
  ServerMessage,
  { type: 'subscribed' | 'added' | 'removed' | 'stale' | 'live' | 'kernel' | 'gap' | 'trend' }
>;

/** What the connection tells a subscription. */
export interface SubscriptionEnd extends Subscription {
  /** Bytes that wait for the consumer. */
  readonly weight: number;
  slots(): Iterable<number>;
  deliver(message: SubscriptionMessage): void;
  /** An error that came after `subscribed`. */
  refused(error: WireError): void;
  /** The head of slots that had nothing to send. */
  heads(slots: readonly (readonly [slot: number, nextSeq: number])[]): void;
  end(error: WireError | undefined, discard: boolean): void;
}

export interface SubscriptionOptions {
  readonly id: number;
  readonly fields: readonly Field[];
  readonly start: SubscribeRequest['start'];
  /** Called with every change of the bytes that wait. */
  readonly onWeight: (by: number) => void;
  /** Called when the consumer asks for an event. */
  readonly onTake: () => void;
  readonly unsubscribe: () => Promise<void>;
}

type Queued = SubscriptionEvent | { readonly type: 'heads'; readonly slots: ReadonlyMap<number, number> };

/** What an event without planes is taken to weigh, in bytes. */
const eventBytes = 256;

export function makeSubscription(options: SubscriptionOptions): SubscriptionEnd {
  const { id, fields, start } = options;
  const queue: EventQueue<Queued> = eventQueue(options.onWeight);
  const reached = positions(start);
  /** Slots as the daemon has them; the consumer may not have been told yet. */
  const slots = new Map<number, SlotInfo>();

  function deliver(message: SubscriptionMessage): void {
    switch (message.type) {
      case 'subscribed':
      case 'added':
        for (const info of message.streams) slots.set(info.slot, info);
        queue.push(
          { type: message.type, streams: message.streams },
          eventBytes * (1 + message.streams.length),
        );
        break;
      case 'removed':
      case 'stale': {
        const streams = message.slots.flatMap((slot) => slots.get(slot) ?? []);
        if (message.type === 'stale') queue.push({ type: 'stale', streams }, eventBytes);
        else {
          for (const slot of message.slots) slots.delete(slot);
          queue.push({ type: 'removed', streams, reason: message.reason }, eventBytes);
        }
        break;
      }
      case 'kernel': {
        const changes = message.changes.flatMap(({ slot, seq }) => {
          const info = slots.get(slot);
          return info ? [{ slot, seq, name: info.name }] : [];
        });
        if (changes.length > 0) queue.push({ ...message, changes }, eventBytes * changes.length);
        break;
      }
      case 'trend':
      case 'gap':
      case 'live': {
        const name = slots.get(message.slot)?.name;
        if (name === undefined) return;
        if (message.type === 'trend')
          queue.push({ ...withCoverage(message, fields), name }, bytesOf(message));
        else queue.push({ ...message, name }, eventBytes);
        break;
      }
    }
  }

  async function next(): Promise<IteratorResult<SubscriptionEvent, undefined>> {
    for (;;) {
      const taken = queue.next();
      options.onTake();
      const event = await taken;
      if (!event) return { done: true, value: undefined };
      if (event.type === 'heads') reached.heads(event.slots);
      else {
        reached.handed(event);
        return { done: false, value: event };
      }
    }
  }

  async function close(): Promise<void> {
    queue.end({ discard: true });
    await options.unsubscribe();
  }

  return {
    id,
    get weight() {
      return queue.weight;
    },
    streams: () => reached.streams(),
    positions: () => reached.all(),
    slots: () => slots.keys(),
    deliver,
    heads(all) {
      const own = all.filter(([slot]) => slots.has(slot));
      if (own.length > 0) queue.push({ type: 'heads', slots: new Map(own) }, eventBytes);
    },
    refused: (error) => queue.push({ type: 'refused', error }, eventBytes),
    end: (error, discard) => queue.end({ error, discard }),
    close,
    next,
    async return() {
      await close();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function bytesOf({ trend, raw, coverage }: TrendFrame): number {
  return eventBytes + (trend?.byteLength ?? 0) + (raw?.byteLength ?? 0) + (coverage?.byteLength ?? 0);
}

/** Coverage that was asked for and left out is all ones. */
function withCoverage(frame: TrendFrame, fields: readonly Field[]): TrendFrame {
  if (!frame.trend || frame.coverage || !fields.includes('coverage')) return frame;
  return { ...frame, coverage: new Float32Array(frame.trend.length).fill(1) };
}
