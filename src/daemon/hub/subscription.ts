import type { SubscribeMessage } from '../../wire/clientMessages.ts';
import { patternSet } from '../../wire/names.ts';
import type { Lost, SlotInfo } from '../../wire/serverMessages.ts';
import { WireError } from '../../wire/wireError.ts';
import type { History } from './history.ts';
import { latestSlot } from './latestSlot.ts';
import { losslessSlot } from './losslessSlot.ts';
import type { Outbound } from './outbound.ts';
import type { Slot } from './slot.ts';
import { kernelInfo, type Topic } from './topic.ts';
import type { View } from './view.ts';
import { join, leave } from './viewGroup.ts';

/** One `subscribe` and the slots it has: one for each stream that matches, also for those that come later. */
export interface Subscription {
  readonly id: number;
  /** A stream has begun, or begun again. */
  announce(topic: Topic): void;
  /** A stream is no more. */
  deleted(name: string): void;
  /** Streams have fallen silent; those that are not its own are passed over. */
  stale(names: readonly string[]): void;
  /** What the principal may see has changed. */
  renewed(): void;
  /** `[slot, nextSeq]` of its slots that were silent since the last call. */
  silent(): [slot: number, nextSeq: number][];
  close(): void;
}

export interface SubscriptionPorts {
  /** Those that may match. */
  readonly topics: () => Iterable<Topic>;
  readonly outbound: Outbound;
  readonly history: History;
  readonly nextSlot: () => number;
  /** Whether its principal may see a stream: what it may not is as if it did not exist. */
  readonly may: (stream: string) => boolean;
  readonly failed: (error: unknown) => void;
  readonly ended: () => void;
}

/** Where a slot begins, and what of the position asked for is lost. */
interface Begin {
  readonly fromSeq: number;
  readonly recovered?: boolean;
  readonly lost?: Lost;
}

interface Held {
  readonly slot: Slot;
  readonly view: View;
}

/** Sends `subscribed`, then whatever is replayed. @throws WireError before anything was sent */
export function subscription(message: SubscribeMessage, ports: SubscriptionPorts): Subscription {
  const { id, mode, start } = message;
  const { outbound, history } = ports;
  const slots = new Map<string, Held>();
  const attachedOnce = new Set<string>();
  const patterns = patternSet(message.streams);
  const wanted = (name: string): boolean => patterns.matches(name) && ports.may(name);

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

  function viewOf(topic: Topic): View {
    const { fields, every } = message;
    const names = topic.channels.map(({ name }) => name);
    const channels = message.channels?.map((name, i) => {
      const at = names.indexOf(name);
      if (at >= 0) return at;
      const field = `channels[${i}]`;
      const text = `${field}: expected a channel of ${topic.name} (${names.join(', ')}), got "${name}"`;
      throw new WireError('unknownChannel', text, { id, field });
    });
    return {
      trend: fields.includes('trend'),
      raw: fields.includes('raw'),
      coverage: fields.includes('coverage'),
      channels: channels ?? null,
      every,
    };
  }

  function attach(topic: Topic, view: View, from: Begin): { info: SlotInfo; go: () => void } {
    const number = ports.nextSlot();
    const parts = { number, topic, outbound, failed: ports.failed };
    const lossless =
      mode === 'lossless' ? losslessSlot({ ...parts, view, history, fromSeq: from.fromSeq }) : undefined;
    const slot = lossless ?? latestSlot({ ...parts, minPeriod: message.minPeriod ?? 0 });
    slots.set(topic.name, { slot, view });
    attachedOnce.add(topic.name);
    join(topic, view, slot);
    const { name, epoch, rate, nextSeq } = topic;
    const info: SlotInfo = {
      slot: number,
      name,
      epoch,
      channels: view.channels?.map((c) => topic.channels[c]!) ?? topic.channels,
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
    const held = slots.get(name);
    if (!held) return undefined;
    const { slot, view } = held;
    slots.delete(name);
    leave(slot.topic, view, slot);
    return slot;
  }

  /** Ends the slot of a stream; what of it will not come any more is told first. */
  function remove(name: string, reason: 'epoch' | 'deleted' | 'forbidden'): void {
    const slot = detach(name);
    if (!slot) return;
    const rest = reason === 'forbidden' ? undefined : slot.unsent();
    slot.close();
    if (rest) outbound.control({ type: 'gap', slot: slot.number, ...rest });
    outbound.control({ type: 'removed', id, slots: [slot.number], reason });
  }

  /** Follows a stream that was not there, or not to be seen, before. */
  function add(topic: Topic, from: Begin): void {
    try {
      const { info, go } = attach(topic, viewOf(topic), from);
      outbound.control({ type: 'added', id, streams: [info] });
      go();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      const { message: text, field } = error;
      outbound.control({ type: 'error', id, code: 'unknownChannel', message: text, ...(field && { field }) });
    }
  }

  function tellStale(names: readonly string[]): void {
    const silent = names.flatMap((name) => slots.get(name)?.slot.number ?? []);
    if (silent.length > 0) outbound.control({ type: 'stale', id, slots: silent, reason: 'silent' });
  }

  // Everything that can be refused is, before the first slot exists.
  const present = [...ports.topics()].filter(({ name }) => wanted(name));
  const checked = present.map((topic) => ({ topic, view: viewOf(topic), from: begin(topic) }));
  const attached = checked.map(({ topic, view, from }) => attach(topic, view, from));
  outbound.reply({ type: 'subscribed', id, streams: attached.map(({ info }) => info) });
  tellStale(present.filter(({ stale }) => stale).map(({ name }) => name));
  for (const { go } of attached) go();

  return {
    id,
    announce(topic) {
      if (!wanted(topic.name)) return;
      remove(topic.name, 'epoch');
      // A stream that begins is followed from its first sample.
      add(topic, announced(topic.name));
    },
    deleted: (name) => remove(name, 'deleted'),
    stale: tellStale,
    renewed() {
      for (const name of [...slots.keys()]) if (!ports.may(name)) remove(name, 'forbidden');
      for (const topic of ports.topics()) {
        if (!slots.has(topic.name) && wanted(topic.name)) add(topic, { fromSeq: topic.nextSeq });
      }
    },
    silent() {
      const all: [slot: number, nextSeq: number][] = [];
      for (const { slot } of slots.values()) {
        const nextSeq = slot.silentAt();
        if (nextSeq !== undefined) all.push([slot.number, nextSeq]);
      }
      return all;
    },
    close() {
      for (const name of [...slots.keys()]) detach(name)?.close();
      ports.ended();
    },
  };
}
