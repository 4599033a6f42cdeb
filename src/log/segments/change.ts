import {
  addPlace,
  admit,
  type Catalog,
  dismiss,
  doubtAll,
  type FilterChange,
  type LoggedStream,
  noteFilter,
  type Run,
  type Segment,
  type SegmentStream,
  type StreamClock,
} from './catalog.ts';
import { listOffset, noOffsets, pushOffset } from './offsets.ts';
import type { Settings } from './settings.ts';

/** What a record does to what the log holds. */
export type Change =
  | { readonly type: 'segment'; readonly created: number }
  | {
      readonly type: 'settings';
      readonly number: number;
      readonly settings: Settings;
      readonly offset: number;
    }
  | {
      readonly type: 'stream';
      readonly stream: LoggedStream;
      readonly seq: number;
      readonly count: number;
      readonly clock: StreamClock;
      readonly filter: FilterChange | undefined;
      readonly proven: boolean;
      /** All that is held of the stream follows. */
      readonly restarts: boolean;
      readonly offset: number;
    }
  | {
      readonly type: 'samples';
      readonly stream: LoggedStream;
      readonly seq: number;
      readonly rows: number;
      /** Of the last row. */
      readonly time: number;
      readonly offset: number;
    }
  | {
      readonly type: 'damaged';
      readonly stream: LoggedStream;
      readonly toSeq: number;
      readonly offset: number;
    }
  | { readonly type: 'delete'; readonly stream: LoggedStream }
  | { readonly type: 'start'; readonly run: Run }
  | { readonly type: 'stop' }
  | { readonly type: 'doubt' };

/** Takes in one committed record: the same for what is written and for what is read at the start. */
export function applyChange(catalog: Catalog, segment: Segment, change: Change): void {
  segment.records++;
  switch (change.type) {
    case 'segment':
      segment.created = change.created;
      return;
    case 'settings': {
      learnSettings(catalog, change.number, change.settings);
      const offsets = segment.settings.get(change.number) ?? [];
      offsets.push(change.offset);
      segment.settings.set(change.number, offsets);
      return;
    }
    case 'stream': {
      const { stream, seq, count, clock, filter, proven, restarts, offset } = change;
      const former = catalog.byName.get(stream.begin.stream);
      if (former && former !== stream) segment.ended.push(former.number);
      admit(catalog, stream);
      if (restarts) forgetOlder(stream, segment, seq);
      const held = presence(stream, segment, seq);
      pushOffset(held.contexts, offset);
      held.first ??= { count, clock, filter };
      if (filter) {
        noteFilter(held.filters, filter);
        noteFilter(stream.filters, filter);
      }
      stream.proven = proven;
      stream.nextSeq = Math.max(stream.nextSeq, seq);
      return;
    }
    case 'samples': {
      const { stream, seq, rows, time, offset } = change;
      listOffset(presence(stream, segment, stream.nextSeq).samples, offset);
      stream.nextSeq = Math.max(stream.nextSeq, seq + rows);
      stream.newestTime = time;
      return;
    }
    case 'damaged': {
      const { stream, toSeq, offset } = change;
      listOffset(presence(stream, segment, stream.nextSeq).samples, offset);
      stream.nextSeq = Math.max(stream.nextSeq, toSeq);
      return;
    }
    case 'delete':
      dismiss(catalog, change.stream);
      segment.ended.push(change.stream.number);
      return;
    case 'start':
      catalog.run = change.run;
      catalog.stopped = false;
      return;
    case 'stop':
      catalog.stopped = true;
      return;
    case 'doubt':
      segment.doubted = true;
      doubtAll(catalog);
  }
}

function learnSettings(catalog: Catalog, number: number, settings: Settings): void {
  catalog.nextSettings = Math.max(catalog.nextSettings, number + 1);
  if (!catalog.settings.has(number)) catalog.settings.set(number, settings);
}

/** From here on the log holds the stream from `seq` on, in this segment and later ones. */
function forgetOlder(stream: LoggedStream, segment: Segment, seq: number): void {
  stream.segments.length = stream.bases.length = stream.blocks.length = 0;
  stream.filters.length = 0;
  stream.oldestSeq = seq;
  segment.streams!.delete(stream);
  presence(stream, segment, seq).restarts = true;
}

function presence(stream: LoggedStream, segment: Segment, base: number): SegmentStream {
  const present = segment.streams!.get(stream);
  if (present) return present;
  const inForce = stream.filters.at(-1);
  const made: SegmentStream = {
    stream,
    base,
    restarts: false,
    filters: inForce ? [inForce] : [],
    first: undefined,
    contexts: noOffsets(),
    samples: noOffsets(),
  };
  segment.streams!.set(stream, made);
  addPlace(stream, segment.number, base, -1);
  return made;
}
