import type { SamplesMessage } from '../../wire/clientMessages.ts';
import { WireError } from '../../wire/wireError.ts';
import type { ProducerSlot } from '../ingest/step.ts';

/** Bytes of samples a producer may have unacknowledged before its socket is not read; told in `opened`. */
export const producerWindow = 1024 * 1024;

interface OpenSlot {
  readonly stream: string;
  readonly channels: number;
  /** Bytes of the frames handed in and not yet answered, oldest first. */
  readonly unanswered: number[];
  bytes: number;
}

/** The producer's side of one connection: its slots, and how much of each is owed an answer. */
export interface Producers {
  /** The stream of a slot the producer may send to. @throws WireError `unknownSlot`, `frameSize` */
  take(message: SamplesMessage, bytes: number): string;
  /** An `open` under way or an open slot: its stream. */
  stream(slot: number): string | undefined;
  opening(slot: number, stream: string, channels: number): void;
  opened(slot: number): void;
  /** One frame of the slot has been answered. */
  answered(slot: number): void;
  closed(slot: number): void;
  all(): ProducerSlot[];
}

/** @param throttle called with whether more than the window is owed: the socket is then not read */
export function producers(connection: number, throttle: (on: boolean) => void): Producers {
  const opening = new Map<number, OpenSlot>();
  const open = new Map<number, OpenSlot>();
  let throttled = false;

  function watch(): void {
    const owed = [...open.values()];
    const full = owed.some(({ bytes }) => bytes > (throttled ? producerWindow / 2 : producerWindow));
    if (full === throttled) return;
    throttled = full;
    throttle(full);
  }

  return {
    take(message, bytes) {
      const { slot } = message;
      const held = open.get(slot);
      if (!held) {
        const text = `slot: expected one that "opened" gave, got ${slot}`;
        throw new WireError('unknownSlot', text, { slot, field: 'slot' });
      }
      if (message.channels !== held.channels) {
        const text = `values: expected ${held.channels} channels, as opened, got ${message.channels}`;
        throw new WireError('frameSize', text, { slot, field: 'values' });
      }
      held.unanswered.push(bytes);
      held.bytes += bytes;
      watch();
      return held.stream;
    },
    stream: (slot) => (open.get(slot) ?? opening.get(slot))?.stream,
    opening(slot, stream, channels) {
      opening.set(slot, { stream, channels, unanswered: [], bytes: 0 });
    },
    opened(slot) {
      const held = opening.get(slot);
      if (held) open.set(slot, held);
      opening.delete(slot);
    },
    answered(slot) {
      const held = open.get(slot);
      if (!held) return;
      held.bytes -= held.unanswered.shift() ?? 0;
      watch();
    },
    closed(slot) {
      opening.delete(slot);
      open.delete(slot);
      watch();
    },
    all: () => [...opening.keys(), ...open.keys()].map((slot) => ({ connection, slot })),
  };
}
