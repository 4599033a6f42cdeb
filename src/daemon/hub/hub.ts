import type { LogRecord, SampleLog, StreamRecord } from '../../log/sampleLog.ts';
import type { SubscribeMessage } from '../../wire/clientMessages.ts';
import { matches } from '../../wire/names.ts';
import type { StreamInfo } from '../../wire/serverMessages.ts';
import type { TrendRecord } from '../ingest/trendMaker.ts';
import type { History } from './history.ts';
import type { Outbound } from './outbound.ts';
import { type Subscription, subscription } from './subscription.ts';
import { kernelInfo, type Topic } from './topic.ts';

/** Everything that subscribers may know, and who wants to know it. */
export interface Hub {
  /** Takes what has been committed, in the log's order; `trends` has an entry for each `samples` record. */
  release(records: readonly LogRecord[], trends: readonly TrendRecord[]): void;
  /**
   * Answers `subscribe` and follows it; the connection ends it with `close`.
   *
   * @param nextSlot numbers slots, per connection
   * @throws WireError `unknownChannel`, `seqAboveHead`: nothing has been subscribed
   */
  subscribe(message: SubscribeMessage, outbound: Outbound, nextSlot: () => number): Subscription;
  /** The streams that match, by name. */
  streams(pattern: string): StreamInfo[];
}

/**
 * @param log what it already holds is known from the start
 * @param failed where work that nobody awaits reports its errors
 */
export function hub(log: SampleLog, history: History, failed: (error: unknown) => void): Hub {
  const topics = new Map<string, Topic>(held(log));
  const subscriptions = new Set<Subscription>();

  /** A stream is announced with its first kernel, so that nobody is told of a kernel that is none. */
  function announce({ stream: name, epoch, channels, rate }: StreamRecord, kernel: Topic['kernel']): void {
    const topic: Topic = { name, epoch, channels, rate, nextSeq: 0, kernel, slots: new Set() };
    topics.set(name, topic);
    for (const each of subscriptions) each.announce(topic);
  }

  return {
    release(records, trends) {
      let made = 0;
      const begun = new Map<string, StreamRecord>();
      for (const record of records) {
        const { stream } = record;
        if (record.type === 'stream') {
          begun.set(stream, record);
        } else if (record.type === 'samples') {
          const topic = topics.get(stream)!;
          const trend = trends[made++]!;
          topic.nextSeq = record.seq + record.rows;
          for (const slot of topic.slots) slot.offer(trend);
        } else if (begun.has(stream)) {
          announce(begun.get(stream)!, record);
          begun.delete(stream);
        } else {
          const topic = topics.get(stream)!;
          topic.kernel = record;
          for (const slot of topic.slots) slot.swap(record);
        }
      }
    },

    subscribe(message, outbound, nextSlot) {
      const made = subscription(message, {
        topics,
        outbound,
        history,
        nextSlot,
        failed,
        ended: () => subscriptions.delete(made),
      });
      subscriptions.add(made);
      return made;
    },

    streams(pattern) {
      return [...topics.values()]
        .filter(({ name }) => matches(pattern, name))
        .map(({ name, epoch, channels, rate, nextSeq, kernel }) => ({
          name,
          epoch,
          channels,
          rate,
          nextSeq,
          ...kernelInfo(kernel),
        }));
    },
  };
}

function* held(log: SampleLog): Generator<[string, Topic]> {
  for (const name of log.streams()) {
    const { epoch, channels, rate, nextSeq, filter: kernel } = log.head(name)!;
    if (kernel) yield [name, { name, epoch, channels, rate, nextSeq, kernel, slots: new Set() }];
  }
}
