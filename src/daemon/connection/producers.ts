import type { SamplesMessage } from '../../wire/clientMessages.ts';
import { WireError } from '../../wire/wireError.ts';
import type { ProducerSlot } from '../ingest/step.ts';

/** Bytes of samples that may be unacknowledged before a socket is not read; told in `opened`. */
export const producerWindow = 1024 * 1024;

interface Slot {
  readonly stream: string;
  readonly channels: number;
  opened: boolean;
  /** Bytes of frames handed in and not yet answered. */
  owed: number;
}

/** The producer's side of one connection: its slots, and for how many bytes it is owed an answer. */
export interface Producers {
  /** The stream of an open slot, whose frame it counts. @throws WireError `unknownSlot`, `frameSize` */
  take(message: SamplesMessage, bytes: number): string;
  /** The stream of a slot that is open or being opened. */
  stream(slot: number): string | undefined;
  opening(slot: number, stream: string, channels: number): void;
  opened(slot: number): void;
  /** A frame of so many bytes has been answered. */
  answered(slot: number, bytes: number): void;
  closed(slot: number): void;
  all(): ProducerSlot[];
}

/**
 * @param throttle called with whether the connection as a whole is owed answers for more than the window: its socket is
 *   then not read, whatever its slots
 */
export function producers(connection: number, throttle: (on: boolean) => void): Producers {
  const slots = new Map<number, Slot>();
  let owed = 0;
  let throttled = false;

  function owe(slot: Slot, bytes: number): void {
    slot.owed += bytes;
    owed += bytes;
    const full = owed > (throttled ? producerWindow / 2 : producerWindow);
    if (full === throttled) return;
    throttled = full;
    throttle(full);
  }

  return {
    take(message, bytes) {
      const { slot } = message;
      const held = slots.get(slot);
      if (!held?.opened) {
        const text = `slot: expected one that "opened" gave, got ${slot}`;
        throw new WireError('unknownSlot', text, { slot, field: 'slot' });
      }
      if (message.channels !== held.channels) {
        const text = `values: expected ${held.channels} channels, as opened, got ${message.channels}`;
        throw new WireError('frameSize', text, { slot, field: 'values' });
      }
      owe(held, bytes);
      return held.stream;
    },
    stream: (slot) => slots.get(slot)?.stream,
    opening(slot, stream, channels) {
      slots.set(slot, { stream, channels, opened: false, owed: 0 });
    },
    opened(slot) {
      const held = slots.get(slot);
      if (held) held.opened = true;
    },
    answered(slot, bytes) {
      const held = slots.get(slot);
      if (held) owe(held, -bytes);
    },
    closed(slot) {
      const held = slots.get(slot);
      if (held) owe(held, -held.owed);
      slots.delete(slot);
    },
    all: () => [...slots.keys()].map((slot) => ({ connection, slot })),
  };
}
