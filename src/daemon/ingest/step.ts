import type { FrameValues } from '../../dsp/frame.ts';
import type {
  ChannelInfo,
  FilterRecord,
  LogRecord,
  StreamHead,
  UnfilteredRecord,
} from '../../log/sampleLog.ts';

/** What makes a stream's trends: a kernel with its settings, or the reason why there is none. */
export type FilterChoice = Omit<FilterRecord, 'type' | 'stream' | 'seq'> | { readonly reason: string };

/** One end of a producer's slot: which connection, and which of its slots. */
export interface ProducerSlot {
  readonly connection: number;
  readonly slot: number;
}

interface Producer extends ProducerSlot {
  /** The device's own id, by which it may take over from a ghost of itself. */
  readonly id: string | undefined;
  /** The lowest seq it may send: 0 when it quoted the epoch, else what `opened` told it. */
  readonly startSeq: number;
}

/** All that decides what becomes of the next event of one stream. Plain data. */
export interface StreamState {
  readonly name: string;
  /** Undefined until the stream has begun. */
  readonly life:
    | { readonly epoch: string; readonly channels: readonly ChannelInfo[]; readonly rate: number }
    | undefined;
  readonly nextSeq: number;
  /** When the row `nextSeq` is due if nothing is missing (ms since 1970). */
  readonly due: number | undefined;
  readonly producer: Producer | undefined;
  readonly filter: FilterChoice | undefined;
}

export interface OpenEvent {
  readonly type: 'open';
  readonly by: ProducerSlot;
  readonly id: number;
  readonly channels: readonly ChannelInfo[];
  readonly rate: number;
  readonly producer?: string | undefined;
  readonly epoch?: string | undefined;
  readonly nextSeq?: number | undefined;
  readonly takeover?: boolean | undefined;
  /** What a new life would be called and filtered with: chance and configuration are passed in. */
  readonly freshEpoch: string;
  readonly filter: FilterChoice;
}

export interface SamplesEvent {
  readonly type: 'samples';
  readonly by: ProducerSlot;
  readonly seq?: number | undefined;
  readonly time?: number | undefined;
  readonly period?: number | undefined;
  readonly rows: number;
  readonly channels: number;
  readonly values: FrameValues;
  /** When it came (ms since 1970): the clock is passed in. */
  readonly receivedAt: number;
  /** What it took on the wire: its answer carries it back, for flow control. */
  readonly bytes: number;
}

export type StreamEvent =
  | OpenEvent
  | SamplesEvent
  /** A producer gives its slot back (`id`: it asked for it), or its connection ended. */
  | { readonly type: 'close'; readonly by: ProducerSlot; readonly id?: number | undefined }
  /** From the next sample on, another kernel. */
  | { readonly type: 'swap'; readonly filter: FilterChoice }
  /** All of the stream goes. */
  | { readonly type: 'delete'; readonly by: ProducerSlot; readonly id: number };

export type Reply =
  | {
      readonly type: 'opened';
      readonly to: ProducerSlot;
      readonly id: number;
      readonly epoch: string;
      readonly nextSeq: number;
    }
  | { readonly type: 'ack'; readonly to: ProducerSlot; readonly nextSeq: number; readonly bytes: number }
  | {
      readonly type: 'closed';
      readonly to: ProducerSlot;
      readonly id?: number | undefined;
      readonly reason?: 'takenOver' | 'deleted' | undefined;
    }
  /** The answer to `delete`. */
  | { readonly type: 'deleted'; readonly to: ProducerSlot; readonly id: number; readonly existed: boolean }
  | {
      readonly type: 'error';
      readonly to: ProducerSlot;
      readonly id?: number | undefined;
      readonly code: 'streamBusy' | 'seqBelowHead' | 'limit';
      /** Of the frame it answers. */
      readonly bytes?: number;
      readonly field?: string;
      readonly message: string;
    };

/** What the daemon counts. Rows are samples of all channels of a stream. */
export const countNames = [
  'sampleRows',
  'trendRows',
  'duplicateRows',
  'gapRows',
  'irregularFrames',
  'droppedFrames',
  'overflowSamples',
] as const;
export type Count = (typeof countNames)[number];

/** Numbers up to here, and one more for `nextSeq`, are exact in a double. */
const lastSeq = Number.MAX_SAFE_INTEGER;

/** A frame as it is to be logged: what was held already is left out, seq and time are fixed. */
export interface TakenFrame {
  readonly type: 'samples';
  readonly stream: string;
  /** Of the first row that is taken. */
  readonly seq: number;
  readonly rows: number;
  readonly channels: number;
  readonly time: number;
  readonly period: number;
  readonly values: FrameValues;
  /** How many rows of `values` come before it. */
  readonly skipped: number;
}

/** What is to be logged: records, but for samples, which have yet to be given their place. */
export type Decision = Exclude<LogRecord, { type: 'samples' }> | TakenFrame;

/** What an event came to. Records go to the log; replies may leave only when the records of their step are committed. */
export interface Step {
  readonly state: StreamState;
  readonly records: readonly Decision[];
  readonly replies: readonly Reply[];
  readonly counts: Readonly<Partial<Record<Count, number>>>;
}

/** The state of a stream as the log knows it, or of one that has yet to begin. */
export function initialState(name: string, head: StreamHead | undefined): StreamState {
  if (!head)
    return { name, life: undefined, nextSeq: 0, due: undefined, producer: undefined, filter: undefined };
  const { epoch, channels, rate, nextSeq, newestTime, filter } = head;
  const due = newestTime === undefined ? undefined : newestTime + 1000 / rate;
  return { name, life: { epoch, channels, rate }, nextSeq, due, producer: undefined, filter };
}

/**
 * Everything that is decided about a stream (order, gaps, duplicates, epochs, kernels, who may send) is decided here,
 * by this pure function: clock, chance and configuration come with the event.
 */
export function step(state: StreamState, event: StreamEvent): Step {
  switch (event.type) {
    case 'open':
      return open(state, event);
    case 'samples':
      return samples(state, event);
    case 'close':
      return close(state, event.by, event.id);
    case 'swap':
      return swap(state, event.filter);
    case 'delete':
      return remove(state, event.by, event.id);
  }
}

function open(state: StreamState, event: OpenEvent): Step {
  const { by, id, producer: producerId } = event;
  const former = state.producer;
  const ghost = former !== undefined && producerId !== undefined && former.id === producerId;
  if (former && !ghost && event.takeover !== true) {
    return only(state, {
      type: 'error',
      to: by,
      id,
      code: 'streamBusy',
      field: 'stream',
      message: `stream: expected one without a producer (or its "producer" id, or "takeover": true), got ${state.name}, which has one`,
    });
  }
  const replies: Reply[] = former ? [{ type: 'closed', to: former, reason: 'takenOver' }] : [];
  const quoted = event.epoch !== undefined && event.epoch === state.life?.epoch;
  const weLostSome = quoted && (event.nextSeq ?? 0) > state.nextSeq;
  const goesOn = state.life !== undefined && sameLife(state.life, event) && !weLostSome;
  const life = goesOn ? state.life : { epoch: event.freshEpoch, channels: event.channels, rate: event.rate };
  const nextSeq = goesOn ? state.nextSeq : 0;
  const begun: StreamState = {
    name: state.name,
    life,
    nextSeq,
    due: goesOn ? state.due : undefined,
    filter: event.filter,
    producer: { ...by, id: producerId, startSeq: goesOn && quoted ? 0 : nextSeq },
  };
  const records: Decision[] = [];
  if (!goesOn) records.push({ type: 'stream', stream: state.name, ...life });
  if (!goesOn || !sameFilter(state.filter, event.filter)) {
    records.push(filterRecord(state.name, nextSeq, event.filter));
  }
  replies.push({ type: 'opened', to: by, id, epoch: life.epoch, nextSeq });
  return { state: begun, records, replies, counts: {} };
}

/** There are as many streams as the daemon may have; this one would be new. */
export function refuseStream(state: StreamState, { by, id }: OpenEvent, most: number): Step {
  const message = `stream: expected at most ${most} streams (limits.streams), got ${state.name} as one more`;
  return only(state, { type: 'error', to: by, id, code: 'limit', field: 'stream', message });
}

function samples(state: StreamState, event: SamplesEvent): Step {
  const { life, producer, nextSeq } = state;
  const { bytes } = event;
  if (!life || !producer || !sameSlot(producer, event.by)) {
    // Frames in flight when the slot was taken over: `closed` has told, or is about to tell, their sender.
    return { ...only(state), counts: { droppedFrames: 1 } };
  }
  const first = event.seq ?? nextSeq;
  if (first < producer.startSeq) {
    return only(state, {
      type: 'error',
      to: event.by,
      bytes,
      code: 'seqBelowHead',
      field: 'seq',
      message: `seq: expected at least ${producer.startSeq}, where "opened" said to start (the epoch was not quoted), got ${first}`,
    });
  }
  if (first + event.rows > lastSeq) {
    return only(state, {
      type: 'error',
      to: event.by,
      bytes,
      code: 'limit',
      field: 'seq',
      message: `seq: expected a frame that ends below ${lastSeq} (2^53 - 1), got ${event.rows} rows from ${first} on`,
    });
  }
  const held = Math.max(0, nextSeq - first);
  if (held >= event.rows) {
    return {
      ...only(state, { type: 'ack', to: event.by, nextSeq, bytes }),
      counts: { duplicateRows: event.rows },
    };
  }
  const period = event.period ?? 1000 / life.rate;
  // Without a time the newest row is taken to be of this moment; it is stamped here, once, and logged so.
  const time = (event.time ?? event.receivedAt - (event.rows - 1) * period) + held * period;
  const seq = first + held;
  const rows = event.rows - held;
  const gap = seq - nextSeq;
  const due = state.due === undefined ? time : state.due + gap * period;
  const end = seq + rows;
  const { channels, values } = event;
  return {
    state: { ...state, nextSeq: end, due: time + rows * period },
    records: [
      { type: 'samples', stream: state.name, seq, rows, channels, time, period, values, skipped: held },
    ],
    replies: [{ type: 'ack', to: event.by, nextSeq: end, bytes }],
    counts: {
      ...(held > 0 && { duplicateRows: held }),
      ...(gap > 0 && { gapRows: gap }),
      ...(event.time !== undefined && Math.abs(time - due) > period && { irregularFrames: 1 }),
    },
  };
}

function close(state: StreamState, by: ProducerSlot, id: number | undefined): Step {
  const mine = state.producer !== undefined && sameSlot(state.producer, by);
  const closed: Reply[] = id === undefined ? [] : [{ type: 'closed', to: by, id }];
  return only(mine ? { ...state, producer: undefined } : state, ...closed);
}

function swap(state: StreamState, filter: FilterChoice): Step {
  if (!state.life || sameFilter(state.filter, filter)) return only(state);
  return { ...only({ ...state, filter }), records: [filterRecord(state.name, state.nextSeq, filter)] };
}

function remove(state: StreamState, by: ProducerSlot, id: number): Step {
  const replies: Reply[] = state.producer ? [{ type: 'closed', to: state.producer, reason: 'deleted' }] : [];
  replies.push({ type: 'deleted', to: by, id, existed: state.life !== undefined });
  return {
    state: initialState(state.name, undefined),
    records: state.life ? [{ type: 'deleted', stream: state.name }] : [],
    replies,
    counts: {},
  };
}

function only(state: StreamState, ...replies: Reply[]): Step {
  return { state, records: [], replies, counts: {} };
}

/** From `seq` on the stream has this kernel, or none. */
export function filterRecord(
  stream: string,
  seq: number,
  filter: FilterChoice,
): FilterRecord | UnfilteredRecord {
  return 'reason' in filter
    ? { type: 'unfiltered', stream, seq, reason: filter.reason }
    : { ...filter, type: 'filter', stream, seq };
}

/** Channels (names, units, offsets) and rate are fixed for an epoch: a stream that comes with others begins anew. */
function sameLife(a: Pick<OpenEvent, 'channels' | 'rate'>, b: Pick<OpenEvent, 'channels' | 'rate'>): boolean {
  return (
    a.rate === b.rate &&
    a.channels.length === b.channels.length &&
    a.channels.every((channel, c) => {
      const other = b.channels[c]!;
      return channel.name === other.name && channel.unit === other.unit && channel.offset === other.offset;
    })
  );
}

/** The model's name and version count too, for subscribers are told them. */
function sameFilter(a: FilterChoice | undefined, b: FilterChoice): boolean {
  if (a === undefined || 'reason' in a || 'reason' in b) {
    return a !== undefined && 'reason' in a && 'reason' in b && a.reason === b.reason;
  }
  return (['sha256', 'model', 'version', 'minCoverage', 'fingerprint'] as const).every(
    (key) => a[key] === b[key],
  );
}

function sameSlot(a: ProducerSlot, b: ProducerSlot): boolean {
  return a.connection === b.connection && a.slot === b.slot;
}
