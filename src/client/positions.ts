import type { SubscribeRequest } from '../wire/clientMessages.ts';
import type { SlotInfo } from '../wire/serverMessages.ts';
import type { SubscriptionEvent } from './subscriptionEvent.ts';

/** A place in a stream: the first sample not yet seen. */
export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

/** How far somebody has been told each of its streams. */
export interface Positions {
  handed(event: SubscriptionEvent): void;
  /** Slots of which there is nothing to tell below these seqs. */
  heads(slots: ReadonlyMap<number, number>): void;
  streams(): readonly SlotInfo[];
  /** Also of streams that were gone when the connection came back: where they ended is not forgotten. */
  all(): Record<string, Position>;
}

/** @param begins where what will be told of a slot begins */
export function positions(begins: (info: SlotInfo) => number): Positions {
  const slots = new Map<number, { readonly info: SlotInfo; seq: number }>();
  let gone: Record<string, Position> = {};

  function advance(slot: number, to: number): void {
    const at = slots.get(slot);
    if (at && to > at.seq) at.seq = to;
  }

  function present(): Record<string, Position> {
    return Object.fromEntries(
      [...slots.values()].map(({ info, seq }) => [info.name, { epoch: info.epoch, seq }]),
    );
  }

  return {
    handed(event) {
      switch (event.type) {
        case 'resumed':
          gone = { ...gone, ...present() };
          slots.clear();
          for (const info of event.streams) slots.set(info.slot, { info, seq: begins(info) });
          break;
        case 'subscribed':
        case 'added':
          for (const info of event.streams) slots.set(info.slot, { info, seq: begins(info) });
          break;
        case 'removed':
          for (const { slot, name } of event.streams) {
            slots.delete(slot);
            delete gone[name];
          }
          break;
        case 'trend':
          advance(event.slot, event.seq + (event.rows - 1) * (event.stride ?? 1) + 1);
          break;
        case 'gap':
          advance(event.slot, event.toSeq);
          break;
        case 'live':
          advance(event.slot, event.seq);
          break;
        case 'kernel':
        case 'stale':
        case 'refused':
        case 'disconnected':
          break;
      }
    },
    heads(seqs) {
      for (const [slot, seq] of seqs) advance(slot, seq);
    },
    streams: () => [...slots.values()].map(({ info }) => info),
    all: () => ({ ...gone, ...present() }),
  };
}

/** Where what will be told of a slot begins, by what was asked for. */
export function firstSeq(info: SlotInfo, start: SubscribeRequest['start']): number {
  if (info.fromSeq !== undefined) return info.fromSeq;
  const asked = typeof start === 'object' && 'positions' in start ? start.positions[info.name] : undefined;
  return info.recovered && asked ? asked.seq : info.nextSeq;
}
