import type { Opened } from '../wire/serverMessages.ts';
import { WireError } from '../wire/wireError.ts';
import type { Connection } from './connection.ts';
import { frameNumbers } from './frameNumbers.ts';
import type { ProducerFrame } from './producerFrame.ts';

/** One stream that this client feeds. */
export interface Producer {
  readonly slot: number;
  readonly epoch: string;
  /** The seq that the next frame without one is given; after `open`, the first that the daemon does not hold. */
  readonly nextSeq: number;
  /** The first seq not yet acknowledged. */
  readonly acked: number;
  /**
   * Sends a frame; it is encoded at once. Resolves when it has gone into the daemon's window of unacknowledged bytes:
   * await it, or frames pile up here. Rejects when the daemon refuses a frame, another producer takes over, or the
   * connection ends; the producer is then of no more use.
   */
  send(frame: ProducerFrame): Promise<void>;
  /** Resolves when all that was sent is acknowledged, that is, committed to the daemon's log. */
  flush(): Promise<void>;
  /** Flushes and gives the slot back. After a refused frame it only gives the slot back. */
  close(): Promise<void>;
}

/** What the connection tells a producer. */
export interface ProducerEnd extends Producer {
  acknowledged(nextSeq: number): void;
  /** @param gone whether the slot has ended with it */
  fail(error: WireError, gone: boolean): void;
  /** Whether somebody waits for acknowledgements: then the socket must be read. */
  readonly waiting: boolean;
}

interface Sent {
  readonly bytes: number;
  readonly end: number;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: WireError) => void;
}

export interface ProducerOptions {
  readonly connection: Connection;
  readonly opened: Opened;
  readonly channels: number;
  /** Samples per second. */
  readonly rate: number;
  readonly maxMessage: number;
  /** Called when somebody may have begun or ceased to wait. */
  readonly onWaiting: () => void;
  readonly giveBack: () => Promise<void>;
}

export function makeProducer(options: ProducerOptions): ProducerEnd {
  const { connection, maxMessage } = options;
  const { slot, epoch, window } = options.opened;
  const numbers = frameNumbers(options);
  let nextSeq = options.opened.nextSeq;
  let acked = nextSeq;
  let unacked = 0;
  let failure: WireError | undefined;
  let gone = false;
  /** In flight, and behind them, waiting for the window, those not yet sent: both in the order of `send`. */
  const inFlight: Sent[] = [];
  const blocked: (Sent & Waiter & { readonly data: string | Uint8Array })[] = [];
  const flushers: Waiter[] = [];

  function pump(): void {
    // A frame larger than the whole window goes alone.
    while (blocked.length > 0 && (unacked === 0 || unacked + blocked[0]!.bytes <= window)) {
      const { bytes, end, data, resolve } = blocked.shift()!;
      unacked += bytes;
      inFlight.push({ bytes, end });
      connection.send(data);
      resolve();
    }
    if (inFlight.length === 0) for (const { resolve } of flushers.splice(0)) resolve();
    options.onWaiting();
  }

  function wait(enqueue: (waiter: Waiter) => void): Promise<void> {
    if (failure) return Promise.reject(failure);
    return new Promise((resolve, reject) => {
      enqueue({ resolve, reject });
      pump();
    });
  }

  const flush = () => wait((waiter) => flushers.push(waiter));

  return {
    slot,
    epoch,
    get nextSeq() {
      return nextSeq;
    },
    get acked() {
      return acked;
    },
    get waiting() {
      return blocked.length > 0 || flushers.length > 0;
    },
    async send(frame) {
      const { runs, keep } = numbers.of(frame, nextSeq);
      const encoded = runs.map((run) => ({
        data: connection.encode({ slot, ...run }),
        end: run.seq + run.rows,
      }));
      for (const { data } of encoded) {
        if (data.length <= maxMessage) continue;
        throw new WireError(
          'limit',
          `frame: expected at most ${maxMessage} bytes encoded, got ${data.length}`,
        );
      }
      keep();
      await Promise.all(
        encoded.map(({ data, end }) =>
          wait((waiter) => {
            nextSeq = end;
            // What is sent is ASCII or bytes: the length is the size.
            blocked.push({ ...waiter, data, bytes: data.length, end });
          }),
        ),
      );
    },
    flush,
    async close() {
      if (gone) return;
      if (!failure) await flush();
      gone = true;
      failure ??= new WireError('closed', 'producer: closed by this client');
      await options.giveBack();
    },
    acknowledged(upTo) {
      acked = Math.max(acked, upTo);
      while (inFlight.length > 0 && inFlight[0]!.end <= acked) unacked -= inFlight.shift()!.bytes;
      pump();
    },
    fail(error, slotGone) {
      failure ??= error;
      gone ||= slotGone;
      inFlight.length = 0;
      for (const { reject } of [...blocked.splice(0), ...flushers.splice(0)]) reject(failure);
      options.onWaiting();
    },
  };
}
