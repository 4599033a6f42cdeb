import type { RawData, WebSocket } from 'ws';
import type { ClientMessage } from '../../wire/clientMessages.ts';
import { closeCodes } from '../../wire/closeCodes.ts';
import type { ServerCodec } from '../../wire/codec.ts';
import { WireError } from '../../wire/wireError.ts';
import type { Limits } from '../limits.ts';
import { rateGate } from './rateGate.ts';
import { type Reading, reading } from './reading.ts';

export interface InboxOptions {
  readonly socket: WebSocket;
  readonly codec: ServerCodec;
  readonly limits: Pick<Limits, 'messagesPerSecond' | 'controlPerSecond' | 'rateGraceMs'>;
  /** A valid message. @param bytes what it took on the wire. @throws WireError where it is refused */
  readonly take: (message: ClientMessage, bytes: number) => void;
  readonly refuse: (error: WireError) => void;
  /** An error of ours, not of the message's. */
  readonly fault: (error: unknown) => void;
  readonly end: (code: number, reason: string) => void;
}

/** The receiving side of one WebSocket: how fast it is read, what is no message, the order of ids. */
export interface Inbox {
  readonly reading: Reading;
  /** When anything last came, on the monotonic clock (ms). */
  readonly heardAt: number;
  /** What comes until `work` has settled waits for it, in order: whether it is allowed may depend on it. */
  waitFor(work: Promise<void>): void;
  /** What is still on its way changes nothing any more. */
  stop(): void;
}

export function inbox(options: InboxOptions): Inbox {
  const { socket, codec, limits, take, refuse, fault, end } = options;
  const input = reading(socket);
  const gate = (reason: 'rate' | 'controlRate', perSecond: number, what: string) =>
    rateGate({
      perSecond,
      graceMs: limits.rateGraceMs,
      hold: (held) => input.hold(reason, held),
      exceeded: () =>
        end(closeCodes.rate, `more than ${perSecond} ${what} per second for ${limits.rateGraceMs} ms`),
    });
  const every = gate('rate', limits.messagesPerSecond, 'messages');
  const control = gate('controlRate', limits.controlPerSecond, 'messages other than samples');
  let held: { readonly data: RawData; readonly isBinary: boolean }[] | undefined;
  let lastId = -1;
  let heardAt = performance.now();
  let stopped = false;

  function receive(data: RawData, isBinary: boolean): void {
    if (stopped) return;
    heardAt = performance.now();
    every.took();
    if (held) held.push({ data, isBinary });
    else read(data, isBinary);
  }

  function read(data: RawData, isBinary: boolean): void {
    try {
      const raw = isBinary ? (data as Buffer) : data.toString();
      const message = parsed(raw);
      if (message.type !== 'samples') control.took();
      take(message, raw.length);
    } catch (error) {
      if (error instanceof WireError) refuse(error);
      else fault(error);
    }
  }

  /** A message with an id is new, whether or not the rest of it is right. */
  function parsed(raw: string | Uint8Array): ClientMessage {
    try {
      const message = codec.parseClientMessage(raw);
      if ('id' in message) mustGrow(message.id);
      return message;
    } catch (error) {
      control.took();
      if (error instanceof WireError && error.id !== undefined) mustGrow(error.id);
      throw error;
    }
  }

  function mustGrow(id: number): void {
    if (id <= lastId) {
      const text = `id: expected more than ${lastId}, the last one, got ${id}`;
      throw new WireError('badMessage', text, { field: 'id', closeCode: closeCodes.idReused });
    }
    lastId = id;
  }

  /** Reads what has waited; one of it may make the rest wait again. */
  function readHeld(): void {
    const waiting = held ?? [];
    held = undefined;
    input.hold('token', false);
    for (const [i, { data, isBinary }] of waiting.entries()) {
      if (stopped) return;
      if (held) {
        (held as typeof waiting).push(...waiting.slice(i));
        return;
      }
      read(data, isBinary);
    }
  }

  socket.on('message', receive);
  socket.on('ping', () => {
    heardAt = performance.now();
  });

  return {
    reading: input,
    get heardAt() {
      return heardAt;
    },
    waitFor(work) {
      held = [];
      input.hold('token', true);
      work.then(readHeld).catch(fault);
    },
    stop() {
      stopped = true;
      every.stop();
      control.stop();
    },
  };
}
