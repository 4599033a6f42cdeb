import type { Field, SubscribeRequest } from '../wire/clientMessages.ts';
import type { ServerMessage, SlotInfo, TrendFrame } from '../wire/serverMessages.ts';
import type { WireError } from '../wire/wireError.ts';
import { type EventQueue, eventQueue } from './eventQueue.ts';
import { firstSeq, type Position, positions } from './positions.ts';
import type { SubscriptionEvent } from './subscriptionEvent.ts';

/**
 * Trends as they come, over any number of connections. One consumer; leaving its loop ends the subscription. Events that
 * wait are counted in bytes: see `ConnectOptions.highWater` and `maxQueue`.
 */
export interface Subscription extends AsyncIterableIterator<SubscriptionEvent, undefined> {
  /** The streams that it has now, as the consumer has been told. */
  streams(): readonly SlotInfo[];
  /**
   * Where to go on in another program, by stream: `subscribe({start: {positions}})`. It says what the consumer has been
   * handed, not what has arrived, so nothing that waits here is skipped.
   */
  positions(): Record<string, Position>;
  /** Ends the subscription; events that wait are dropped. */
  close(): Promise<void>;
}

/** Messages that concern a subscription, with the slots that are its own. */
type SubscriptionMessage = Extract<
  ServerMessage,
  { type: 'added' | 'removed' | 'stale' | 'live' | 'kernel' | 'gap' | 'trend' }
>;

/** What the connection tells a subscription. */
export interface SubscriptionEnd extends Subscription {
  /** What was asked for. */
  readonly asked: Asked;
  /** Bytes that wait for the consumer. */
  readonly weight: number;
  slots(): Iterable<number>;
  deliver(message: SubscriptionMessage): void;
  disconnected(error: WireError): void;
  /** Where to go on: what has arrived. */
  arrived(): Record<string, Position>;
  /** These streams are followed now, as `start` asked. */
  begin(type: 'subscribed' | 'resumed', streams: readonly SlotInfo[], start: SubscribeRequest['start']): void;
  /** An error that came after `subscribed`. */
  refused(error: WireError): void;
  /** The head of slots that had nothing to send. */
  heads(slots: readonly (readonly [slot: number, nextSeq: number])[]): void;
  end(error: WireError | undefined, discard: boolean): void;
}

export type Asked = Omit<SubscribeRequest, 'id'>;

export interface SubscriptionOptions {
  readonly asked: Asked;
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
  const { asked } = options;
  const fields = asked.fields ?? ['trend'];
  const queue: EventQueue<Queued> = eventQueue(options.onWeight);
  const firsts = new WeakMap<SlotInfo, number>();
  const begins = (info: SlotInfo): number => firsts.get(info) ?? info.nextSeq;
  const handed = positions(begins);
  const arrived = positions(begins);
  /** Slots as the daemon has them; the consumer may not have been told yet. */
  const slots = new Map<number, SlotInfo>();

  function tell(event: SubscriptionEvent, weight: number = eventBytes): void {
    arrived.handed(event);
    queue.push(event, weight);
  }

  function begin(
    type: 'subscribed' | 'added' | 'resumed',
    streams: readonly SlotInfo[],
    start: SubscribeRequest['start'],
  ): void {
    for (const info of streams) {
      slots.set(info.slot, info);
      firsts.set(info, firstSeq(info, start));
    }
    tell({ type, streams }, eventBytes * (1 + streams.length));
  }

  function deliver(message: SubscriptionMessage): void {
    switch (message.type) {
      case 'added':
        begin('added', message.streams, asked.start);
        break;
      case 'removed':
      case 'stale': {
        const streams = message.slots.flatMap((slot) => slots.get(slot) ?? []);
        if (message.type === 'stale') tell({ type: 'stale', streams });
        else {
          for (const slot of message.slots) slots.delete(slot);
          tell({ type: 'removed', streams, reason: message.reason });
        }
        break;
      }
      case 'kernel': {
        const changes = message.changes.flatMap(({ slot, seq }) => {
          const info = slots.get(slot);
          return info ? [{ slot, seq, name: info.name }] : [];
        });
        if (changes.length > 0) tell({ ...message, changes }, eventBytes * changes.length);
        break;
      }
      case 'trend':
      case 'gap':
      case 'live': {
        const name = slots.get(message.slot)?.name;
        if (name === undefined) return;
        if (message.type === 'trend') tell({ ...withCoverage(message, fields), name }, bytesOf(message));
        else tell({ ...message, name });
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
      if (event.type === 'heads') handed.heads(event.slots);
      else {
        handed.handed(event);
        return { done: false, value: event };
      }
    }
  }

  async function close(): Promise<void> {
    queue.end({ discard: true });
    await options.unsubscribe();
  }

  return {
    asked,
    get weight() {
      return queue.weight;
    },
    streams: () => handed.streams(),
    positions: () => handed.all(),
    arrived: () => arrived.all(),
    slots: () => slots.keys(),
    deliver,
    disconnected(error) {
      slots.clear();
      tell({ type: 'disconnected', error });
    },
    begin,
    heads(all) {
      const own = new Map(all.filter(([slot]) => slots.has(slot)));
      if (own.size === 0) return;
      arrived.heads(own);
      queue.push({ type: 'heads', slots: own }, eventBytes);
    },
    refused: (error) => tell({ type: 'refused', error }),
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
