import type { TrendRows } from '../../wire/serverMessages.ts';
import type { TrendRecord } from '../ingest/trendMaker.ts';
import type { Slot } from './slot.ts';
import type { Topic } from './topic.ts';
import { newestRow, type View, viewed, viewKey } from './view.ts';

/** The slots of a stream that see the same. */
export interface ViewGroup {
  readonly view: View;
  readonly slots: Set<Slot>;
}

/** A released frame as the slots of a group are offered it: made once for all of them, as one object encoded once. */
export interface Offered {
  readonly record: TrendRecord;
  /** All rows that the view has, as frames. */
  frames(): readonly TrendRows[];
  /** The newest row that the view has. */
  newest(): TrendRows | undefined;
}

export function offer(record: TrendRecord, { view, slots }: ViewGroup): void {
  let frames: readonly TrendRows[] | undefined;
  let newest: TrendRows | undefined | null = null;
  const offered: Offered = {
    record,
    frames() {
      frames ??= viewed(record, view);
      return frames;
    },
    newest() {
      if (newest === null) newest = newestRow(record, view);
      return newest;
    },
  };
  for (const slot of slots) slot.offer(offered);
}

/** Puts the slot with those that see the same. */
export function join(topic: Topic, view: View, slot: Slot): void {
  const key = viewKey(view);
  const group = topic.groups.get(key) ?? { view, slots: new Set() };
  topic.groups.set(key, group);
  group.slots.add(slot);
}

export function leave(topic: Topic, view: View, slot: Slot): void {
  const key = viewKey(view);
  const group = topic.groups.get(key);
  group?.slots.delete(slot);
  if (group?.slots.size === 0) topic.groups.delete(key);
}
