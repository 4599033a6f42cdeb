import type { SampleLog, StreamRecord } from '../../log/sampleLog.ts';
import type { SubscribeMessage } from '../../wire/clientMessages.ts';
import { patternSet } from '../../wire/names.ts';
import type { StreamInfo } from '../../wire/serverMessages.ts';
import type { Made } from '../ingest/trendMaker.ts';
import type { History } from './history.ts';
import type { Outbound } from './outbound.ts';
import { silent } from './silence.ts';
import { type Subscription, subscription } from './subscription.ts';
import { kernelInfo, type Topic } from './topic.ts';
import { offer } from './viewGroup.ts';

/** What a subscription needs of its connection. */
interface Subscriber {
  readonly outbound: Outbound;
  /** Numbers slots, per connection. */
  readonly nextSlot: () => number;
  /** Whether its principal may see a stream. */
  readonly may: (stream: string) => boolean;
}

/** Everything that subscribers may know, and who wants to know it. */
export interface Hub {
  /** Takes what was made of committed records, each stream in the log's order. */
  release(made: readonly Made[]): void;
  /**
   * Answers `subscribe` and follows it; the connection ends it with `close`.
   *
   * @throws WireError `unknownChannel`, `seqAboveHead`: nothing has been subscribed
   */
  subscribe(message: SubscribeMessage, subscriber: Subscriber): Subscription;
  /** The streams that match and may be seen, by name. */
  streams(pattern: string, may: (stream: string) => boolean): StreamInfo[];
  /** Tells subscribers which streams have fallen silent since the last call. */
  tellSilence(): void;
}

export interface HubOptions {
  /** What it already holds is known from the start. */
  readonly log: SampleLog;
  readonly history: History;
  /** Where work that nobody awaits reports its errors. */
  readonly failed: (error: unknown) => void;
  /** How long a stream may be silent (ms) before it is stale; undefined: several of its periods. */
  readonly staleAfter?: ((stream: string) => number | undefined) | undefined;
  /** The monotonic clock (ms). */
  readonly now?: () => number;
}

export function hub(options: HubOptions): Hub {
  const { log, history, failed, staleAfter = () => undefined, now = () => performance.now() } = options;
  const topics = new Map<string, Topic>(held(log, now()));
  /** Those that name their streams, by the names; the others look at every stream that comes. */
  const byName = new Map<string, Set<Subscription>>();
  const open = new Set<Subscription>();

  /** A stream is announced with its first kernel, so that nobody is told of a kernel that is none. */
  function announce({ stream: name, epoch, channels, rate }: StreamRecord, kernel: Topic['kernel']): void {
    const begun = { nextSeq: 0, heardAt: now(), frameSpan: 0, stale: false };
    const topic: Topic = { name, epoch, channels, rate, kernel, groups: new Map(), ...begun };
    topics.set(name, topic);
    for (const each of interested(name)) each.announce(topic);
  }

  function* interested(name: string): Iterable<Subscription> {
    yield* byName.get(name) ?? [];
    yield* open;
  }

  function slotsOf(topic: Topic) {
    return [...topic.groups.values()].flatMap(({ slots }) => [...slots]);
  }

  return {
    release(made) {
      const begun = new Map<string, StreamRecord>();
      for (const each of made) {
        if (each.type === 'trend') {
          const { samples } = each;
          const topic = topics.get(samples.stream)!;
          topic.nextSeq = samples.seq + samples.rows;
          topic.heardAt = now();
          topic.frameSpan = samples.rows * samples.period;
          topic.stale = false;
          for (const group of topic.groups.values()) offer(each, group);
          continue;
        }
        const { stream } = each;
        if (each.type === 'stream') {
          begun.set(stream, each);
        } else if (each.type === 'deleted') {
          topics.delete(stream);
          for (const subscription of interested(stream)) subscription.deleted(stream);
        } else if (begun.has(stream)) {
          announce(begun.get(stream)!, each);
          begun.delete(stream);
        } else {
          const topic = topics.get(stream)!;
          topic.kernel = each;
          for (const slot of slotsOf(topic)) slot.swap(each);
        }
      }
    },

    subscribe(message, { outbound, nextSlot, may }) {
      const patterns = patternSet(message.streams);
      const made = subscription(message, {
        topics: () => (patterns.open ? topics.values() : named(topics, patterns.names)),
        outbound,
        history,
        nextSlot,
        may,
        failed,
        ended() {
          open.delete(made);
          for (const name of patterns.names) {
            const set = byName.get(name);
            set?.delete(made);
            if (set?.size === 0) byName.delete(name);
          }
        },
      });
      if (patterns.open) {
        open.add(made);
      } else {
        for (const name of patterns.names) {
          const set = byName.get(name) ?? new Set();
          byName.set(name, set.add(made));
        }
      }
      return made;
    },

    streams(pattern, may) {
      const wanted = patternSet([pattern]);
      return [...(wanted.open ? topics.values() : named(topics, wanted.names))]
        .filter(({ name }) => wanted.matches(name) && may(name))
        .map(({ name, epoch, channels, rate, nextSeq, kernel }) => ({
          name,
          epoch,
          channels,
          rate,
          nextSeq,
          ...kernelInfo(kernel),
        }));
    },

    tellSilence() {
      const names: string[] = [];
      for (const topic of topics.values()) {
        if (topic.stale || !silent(topic, now(), staleAfter(topic.name))) continue;
        topic.stale = true;
        if (topic.groups.size > 0) names.push(topic.name);
      }
      if (names.length === 0) return;
      const concerned = new Set(names.flatMap((name) => [...interested(name)]));
      for (const subscription of concerned) subscription.stale(names);
    },
  };
}

function named(topics: ReadonlyMap<string, Topic>, names: ReadonlySet<string>): Topic[] {
  return [...names].flatMap((name) => topics.get(name) ?? []);
}

function* held(log: SampleLog, heardAt: number): Generator<[string, Topic]> {
  for (const name of log.streams()) {
    const { epoch, channels, rate, nextSeq, filter: kernel } = log.head(name)!;
    const silence = { heardAt, frameSpan: 0, stale: false };
    if (kernel) yield [name, { name, epoch, channels, rate, nextSeq, kernel, groups: new Map(), ...silence }];
  }
}
