import type { SamplesMessage } from '../../wire/clientMessages.ts';
import { WireError } from '../../wire/wireError.ts';

interface Slot {
  readonly stream: string;
  readonly channels: number;
  opened: boolean;
  /** Bytes of frames handed in and not yet answered. */
  owed: number;
}

/** The producer's side of one connection: its slots, and for how many bytes it is owed an answer. */
export interface Producers {
  /** Streams that are open or being opened. */
  readonly size: number;
  /** The stream of an open slot, whose frame it counts. @throws WireError `unknownSlot`, `frameSize` */
  take(message: SamplesMessage, bytes: number): string;
  /** The stream of a slot that is open or being opened. */
  stream(slot: number): string | undefined;
  opening(slot: number, stream: string, channels: number): void;
  opened(slot: number): void;
  /** A frame of so many bytes has been answered. */
  answered(slot: number, bytes: number): void;
  closed(slot: number): void;
  isOpen(slot: number): boolean;
  all(): { readonly slot: number; readonly stream: string }[];
}

/**
 * @param window bytes for which the connection as a whole may be owed answers
 * @param throttle called with whether it is owed more: its socket is then not read, whatever its slots
 */
export function producers(window: number, throttle: (on: boolean) => void): Producers {
  const slots = new Map<number, Slot>();
  let owed = 0;
  let throttled = false;

  function owe(slot: Slot, bytes: number): void {
    slot.owed += bytes;
    owed += bytes;
    const full = owed > (throttled ? window / 2 : window);
    if (full === throttled) return;
    throttled = full;
    throttle(full);
  }

  return {
    get size() {
      return slots.size;
    },
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
    isOpen: (slot) => slots.get(slot)?.opened ?? false,
    all: () => [...slots].map(([slot, { stream }]) => ({ slot, stream })),
  };
}
