import type { OpenRequest } from '../wire/clientMessages.ts';
import type { SamplesFrame, WireData } from '../wire/codec.ts';
import type { Opened } from '../wire/serverMessages.ts';
import { WireError } from '../wire/wireError.ts';
import { frameNumbers } from './frameNumbers.ts';
import type { ProducerFrame } from './producerFrame.ts';

/** One stream that this client feeds. It outlives connections: what was not acknowledged is sent again. */
export interface Producer {
  /** Undefined while there is no connection. */
  readonly slot: number | undefined;
  /** Of the stream now: a daemon that lost its log begins a new one. */
  readonly epoch: string;
  /**
   * What the daemon adds to this producer's numbers: 0 until a new epoch begins. Frames go on to be numbered as before,
   * `nextSeq` and `acked` too.
   */
  readonly shift: number;
  /** The seq that the next frame without one is given; after `open`, the first that the daemon does not hold. */
  readonly nextSeq: number;
  /** The first seq not yet acknowledged. */
  readonly acked: number;
  /**
   * Sends a frame, which may be reused at once. Resolves when it has gone into the daemon's window of unacknowledged
   * bytes: await it, or frames pile up here, and beyond `maxUnsent` are refused (`bufferFull`). While the connection is
   * being made again it waits. Rejects when the daemon refuses a frame, another producer takes over, or the client is
   * closed; the producer is then of no more use.
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
  /** The connection, or the slot, is gone; `reopened` may follow. */
  detached(): void;
  /** What to ask for when there is a connection again. */
  openAgain(): Omit<OpenRequest, 'id'>;
  reopened(opened: Opened): void;
  /** @param gone whether the slot has ended with it */
  fail(error: WireError, gone: boolean): void;
  /** Whether it is of no more use. */
  readonly failed: boolean;
  /** Whether somebody waits for acknowledgements: then the socket must be read. */
  readonly waiting: boolean;
}

/** Rows in the caller's numbers. */
type Run = Omit<SamplesFrame, 'slot'> & { readonly seq: number };

interface Sent {
  readonly run: Run;
  readonly end: number;
  readonly bytes: number;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: WireError) => void;
}

interface Unsent extends Sent, Waiter {
  /** As it was encoded to be measured; of use while slot and numbers are still those. */
  readonly data: WireData | undefined;
}

export interface ProducerOptions {
  readonly asked: Omit<OpenRequest, 'id'>;
  readonly opened: Opened;
  readonly maxMessage: number;
  /** Bytes that may wait here. */
  readonly maxUnsent: number;
  readonly encode: (frame: SamplesFrame) => WireData;
  readonly transmit: (data: WireData) => void;
  /** Called when somebody may have begun or ceased to wait. */
  readonly onWaiting: () => void;
  readonly giveBack: (slot: number) => Promise<void>;
  /** Called when a new epoch has begun. */
  readonly onEpoch: ((epoch: string) => void) | undefined;
}

export function makeProducer(options: ProducerOptions): ProducerEnd {
  const { asked, maxMessage, maxUnsent, encode, transmit } = options;
  const channels = asked.channels.length;
  const numbers = frameNumbers({ channels, rate: asked.rate });
  let { slot, epoch, window }: { slot: number | undefined; epoch: string; window: number } = options.opened;
  let shift = 0;
  let { nextSeq } = options.opened;
  let acked = nextSeq;
  /** Below it all has gone to some connection. */
  let sentEnd = nextSeq;
  let unacked = 0;
  let unsent = 0;
  let failure: WireError | undefined;
  let gone = false;
  /** In flight, and behind them, waiting for the window, those not yet sent: both in the order of `send`. */
  let inFlight: Sent[] = [];
  let blocked: Unsent[] = [];
  const flushers: Waiter[] = [];

  function frameOf({ seq, ...run }: Run, to = slot ?? 0): SamplesFrame {
    return { ...run, slot: to, seq: seq + shift };
  }

  function pump(): void {
    // A frame larger than the whole window goes alone.
    while (
      slot !== undefined &&
      blocked.length > 0 &&
      (unacked === 0 || unacked + blocked[0]!.bytes <= window)
    ) {
      const { run, bytes, end, data, resolve } = blocked.shift()!;
      unacked += bytes;
      unsent -= bytes;
      sentEnd = Math.max(sentEnd, end);
      inFlight.push({ run, bytes, end });
      transmit(data ?? encode(frameOf(run)));
      resolve();
    }
    if (inFlight.length + blocked.length === 0) for (const { resolve } of flushers.splice(0)) resolve();
    options.onWaiting();
  }

  function wait(enqueue: (waiter: Waiter) => void): Promise<void> {
    if (failure) return Promise.reject(failure);
    return new Promise((resolve, reject) => {
      enqueue({ resolve, reject });
      pump();
    });
  }

  function settle(): void {
    while (inFlight.length > 0 && inFlight[0]!.end <= acked) unacked -= inFlight.shift()!.bytes;
    while (blocked.length > 0 && blocked[0]!.end <= acked) {
      const { bytes, resolve } = blocked.shift()!;
      unsent -= bytes;
      resolve();
    }
    pump();
  }

  function fail(error: WireError, slotGone: boolean): void {
    failure ??= error;
    gone ||= slotGone;
    inFlight = [];
    const waiters = [...blocked, ...flushers.splice(0)];
    blocked = [];
    for (const { reject } of waiters) reject(failure);
    options.onWaiting();
  }

  const flush = () => wait((waiter) => flushers.push(waiter));

  return {
    get slot() {
      return slot;
    },
    get epoch() {
      return epoch;
    },
    get shift() {
      return shift;
    },
    get nextSeq() {
      return nextSeq;
    },
    get acked() {
      return acked;
    },
    get failed() {
      return failure !== undefined;
    },
    get waiting() {
      return blocked.length > 0 || flushers.length > 0;
    },
    async send(frame) {
      const { runs, keep } = numbers.of(frame, nextSeq);
      const measured = runs.map((run) => {
        const data = encode(frameOf(run));
        // What is sent is ASCII or bytes: the length is the size.
        return { run: kept(run, frame), data, bytes: data.length, end: run.seq + run.rows };
      });
      for (const { bytes } of measured) {
        if (bytes <= maxMessage) continue;
        throw new WireError('limit', `frame: expected at most ${maxMessage} bytes encoded, got ${bytes}`);
      }
      const total = measured.reduce((sum, { bytes }) => sum + bytes, 0);
      if (blocked.length > 0 && unsent + total > maxUnsent) {
        const text = `frame: expected at most ${maxUnsent} bytes waiting to be sent (maxUnsent), got ${unsent + total}`;
        throw new WireError('bufferFull', text);
      }
      keep();
      const of = slot;
      await Promise.all(
        measured.map(({ data, ...item }) =>
          wait((waiter) => {
            nextSeq = item.end;
            unsent += item.bytes;
            blocked.push({ ...waiter, ...item, data: of === undefined ? undefined : data });
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
      if (slot !== undefined) await options.giveBack(slot);
    },
    acknowledged(upTo) {
      acked = Math.max(acked, upTo - shift);
      settle();
    },
    detached() {
      slot = undefined;
      // Whoever sent these has his answer: nobody waits for them.
      const again = inFlight.map((item) => ({ ...item, ...nobody, data: undefined }));
      blocked = [...again, ...blocked.map((item) => ({ ...item, data: undefined }))];
      unsent += unacked;
      unacked = 0;
      inFlight = [];
    },
    openAgain: () => ({ ...asked, epoch, nextSeq: acked + shift, takeover: undefined }),
    reopened(opened) {
      if (opened.epoch !== epoch) {
        epoch = opened.epoch;
        // What the daemon lost is lost; what it never acknowledged follows on what it has now.
        shift = opened.nextSeq - acked;
        sentEnd = acked;
        options.onEpoch?.(epoch);
      }
      const held = opened.nextSeq - shift;
      if (held > sentEnd) {
        const text = `producer: expected the daemon to hold at most ${sentEnd} samples of it, got ${held}: another one has fed its stream`;
        fail(new WireError('takenOver', text, { slot: opened.slot }), false);
      }
      ({ slot, window } = opened);
      acked = Math.max(acked, held);
      settle();
    },
    fail,
  };
}

const nobody: Waiter = { resolve: () => undefined, reject: () => undefined };

/** Rows that nobody else writes over. */
function kept(run: Run, frame: ProducerFrame): Run {
  const borrowed = 'planes' in frame && run.planes === frame.planes;
  return borrowed ? { ...run, planes: run.planes.slice() } : run;
}
