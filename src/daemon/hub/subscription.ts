import type { SubscribeMessage } from '../../wire/clientMessages.ts';
import { matches } from '../../wire/names.ts';
import type { Lost, SlotInfo } from '../../wire/serverMessages.ts';
import { WireError } from '../../wire/wireError.ts';
import type { History } from './history.ts';
import { latestSlot } from './latestSlot.ts';
import { losslessSlot } from './losslessSlot.ts';
import type { Outbound } from './outbound.ts';
import { kernelInfo, type Slot, type Topic } from './topic.ts';
import type { View } from './view.ts';

/** One `subscribe` and the slots it has: one for each stream that matches, also for those that come later. */
export interface Subscription {
  readonly id: number;
  /** A stream has begun, or begun again. */
  announce(topic: Topic): void;
  /** `[slot, nextSeq]` of its slots that were silent since the last call. */
  silent(): [slot: number, nextSeq: number][];
  close(): void;
}

export interface SubscriptionPorts {
  readonly topics: ReadonlyMap<string, Topic>;
  readonly outbound: Outbound;
  readonly history: History;
  readonly nextSlot: () => number;
  readonly failed: (error: unknown) => void;
  readonly ended: () => void;
}

/** Where a slot begins, and what of the position asked for is lost. */
interface Begin {
  readonly fromSeq: number;
  readonly recovered?: boolean;
  readonly lost?: Lost;
}

/** Sends `subscribed`, then whatever is replayed. @throws WireError before anything was sent */
export function subscription(message: SubscribeMessage, ports: SubscriptionPorts): Subscription {
  const { id, mode, start } = message;
  const { outbound, history } = ports;
  const slots = new Map<string, Slot>();
  const attachedOnce = new Set<string>();
  const wanted = (name: string): boolean => message.streams.some((pattern) => matches(pattern, name));

  /** Recovery is all or nothing: from the position asked for, or live with what is lost told. */
  function begin(topic: Topic): Begin {
    const { name, epoch, nextSeq } = topic;
    if (start === 'live') return { fromSeq: nextSeq };
    const floor = history.floor(topic);
    if ('seconds' in start) {
      return { fromSeq: Math.max(Math.min(floor, nextSeq), nextSeq - Math.ceil(start.seconds * topic.rate)) };
    }
    const position = Object.hasOwn(start.positions, name) ? start.positions[name] : undefined;
    if (!position) return { fromSeq: start.others === 'oldest' ? Math.min(floor, nextSeq) : nextSeq };
    const lost = (fromSeq: number, reason: Lost['reason']): Begin => ({
      fromSeq: nextSeq,
      recovered: false,
      lost: { fromSeq, toSeq: nextSeq, reason },
    });
    if (position.epoch !== epoch) return lost(0, 'epoch');
    if (position.seq > nextSeq) {
      const field = `start.positions["${name}"].seq`;
      throw new WireError('seqAboveHead', `${field}: expected at most ${nextSeq}, got ${position.seq}`, {
        id,
        field,
      });
    }
    return position.seq < floor ? lost(position.seq, 'trimmed') : { fromSeq: position.seq, recovered: true };
  }

  /** A stream that comes after `subscribe` cannot be in the epoch of a position: it is said once. */
  function announced(name: string): Begin {
    if (typeof start !== 'object' || !('positions' in start) || attachedOnce.has(name)) return { fromSeq: 0 };
    if (!Object.hasOwn(start.positions, name)) return { fromSeq: 0 };
    return { fromSeq: 0, recovered: false, lost: { fromSeq: 0, toSeq: 0, reason: 'epoch' } };
  }

  function view(topic: Topic): View {
    const names = topic.channels.map(({ name }) => name);
    const channels = message.channels?.map((name, i) => {
      const at = names.indexOf(name);
      if (at >= 0) return at;
      const field = `channels[${i}]`;
      const text = `${field}: expected a channel of ${topic.name} (${names.join(', ')}), got "${name}"`;
      throw new WireError('unknownChannel', text, { id, field });
    });
    const { fields } = message;
    return {
      trend: fields.includes('trend'),
      raw: fields.includes('raw'),
      coverage: fields.includes('coverage'),
      channels: channels ?? null,
      every: message.every,
    };
  }

  function attach(topic: Topic, seen: View, from: Begin): { info: SlotInfo; go: () => void } {
    const number = ports.nextSlot();
    const parts = { number, topic, view: seen, outbound, failed: ports.failed };
    const lossless =
      mode === 'lossless' ? losslessSlot({ ...parts, history, fromSeq: from.fromSeq }) : undefined;
    const slot = lossless ?? latestSlot({ ...parts, minPeriod: message.minPeriod ?? 0 });
    slots.set(topic.name, slot);
    attachedOnce.add(topic.name);
    topic.slots.add(slot);
    const { name, epoch, rate, nextSeq } = topic;
    const info: SlotInfo = {
      slot: number,
      name,
      epoch,
      channels: seen.channels?.map((c) => topic.channels[c]!) ?? topic.channels,
      rate,
      nextSeq,
      ...kernelInfo(topic.kernel),
      ...(from.fromSeq < nextSeq && { fromSeq: from.fromSeq }),
      ...(from.recovered !== undefined && { recovered: from.recovered }),
      ...(from.lost && { lost: from.lost }),
    };
    return { info, go: () => lossless?.start() };
  }

  function detach(name: string): Slot | undefined {
    const slot = slots.get(name);
    slot?.close();
    slot?.topic.slots.delete(slot);
    slots.delete(name);
    return slot;
  }

  // Everything that can be refused is, before the first slot exists.
  const checked = [...ports.topics.values()]
    .filter(({ name }) => wanted(name))
    .map((topic) => ({ topic, seen: view(topic), from: begin(topic) }));
  const attached = checked.map(({ topic, seen, from }) => attach(topic, seen, from));
  outbound.control({ type: 'subscribed', id, streams: attached.map(({ info }) => info) });
  for (const { go } of attached) go();

  return {
    id,
    announce(topic) {
      if (!wanted(topic.name)) return;
      const former = detach(topic.name);
      if (former) {
        const rest = former.unsent();
        if (rest) outbound.control({ type: 'gap', slot: former.number, ...rest, reason: 'trimmed' });
        outbound.control({ type: 'removed', id, slots: [former.number], reason: 'epoch' });
      }
      try {
        // A stream that begins is followed from its first sample.
        const { info, go } = attach(topic, view(topic), announced(topic.name));
        outbound.control({ type: 'added', id, streams: [info] });
        go();
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        outbound.control({
          type: 'error',
          id,
          code: 'unknownChannel',
          message: error.message,
          ...(error.field && { field: error.field }),
        });
      }
    },
    silent() {
      return [...slots.values()].flatMap((slot) => {
        const nextSeq = slot.silentAt();
        return nextSeq === undefined ? [] : [[slot.number, nextSeq] as [number, number]];
      });
    },
    close() {
      for (const name of [...slots.keys()]) detach(name);
      ports.ended();
    },
  };
}
