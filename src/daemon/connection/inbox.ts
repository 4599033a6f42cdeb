import type { ClientMessage } from '../../wire/clientMessages.ts';
import { closeCodes } from '../../wire/closeCodes.ts';
import type { ServerCodec } from '../../wire/codec.ts';
import { WireError } from '../../wire/wireError.ts';
import type { Limits } from '../limits.ts';
import type { ServerSocket } from '../webSocket/serverSocket.ts';
import { rateGate } from './rateGate.ts';
import { type Reading, reading } from './reading.ts';

export interface InboxOptions {
  readonly socket: ServerSocket;
  readonly codec: ServerCodec;
  readonly limits: Pick<Limits, 'messagesPerSecond' | 'controlPerSecond' | 'rateGraceMs'>;
  /** A valid message. @param bytes what it took on the wire. @throws WireError where it is refused */
  readonly take: (message: ClientMessage, bytes: number) => void;
  readonly refuse: (error: WireError) => void;
  /** An error of ours, not of the message's. */
  readonly fault: (error: unknown) => void;
  /** The connection has ended, by whichever side. */
  readonly closed: () => void;
  readonly end: (code: number, reason: string) => void;
}

/** The receiving side of one WebSocket: how fast it is read, what is no message, the order of ids. */
export interface Inbox {
  readonly reading: Reading;
  /** When anything last came, on the monotonic clock (ms). */
  readonly heardAt: number;
  /** Nothing is read until `work` has settled: what is allowed may depend on it. */
  waitFor(work: Promise<void>): void;
  /** What is still on its way changes nothing any more. */
  stop(): void;
}

export function inbox(options: InboxOptions): Inbox {
  const { socket, codec, limits, take, refuse, fault, end } = options;
  const input = reading(socket);
  const gate = (
    reason: 'rate' | 'controlRate',
    key: 'messagesPerSecond' | 'controlPerSecond',
    what: string,
  ) =>
    rateGate({
      perSecond: limits[key],
      graceMs: limits.rateGraceMs,
      hold: (held) => input.hold(reason, held),
      exceeded: () =>
        end(
          closeCodes.rate,
          `more than ${limits[key]} ${what} per second (limits.${key}) for ${limits.rateGraceMs} ms`,
        ),
    });
  const every = gate('rate', 'messagesPerSecond', 'messages');
  const control = gate('controlRate', 'controlPerSecond', 'messages other than samples');
  let lastId = -1;
  let heardAt = performance.now();
  let stopped = false;

  function read(data: Buffer, isBinary: boolean): void {
    if (stopped) return;
    heardAt = performance.now();
    every.took();
    try {
      const message = parsed(isBinary ? data : data.toString());
      if (message.type !== 'samples') control.took();
      take(message, data.length);
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

  socket.start({
    message: read,
    heard() {
      heardAt = performance.now();
    },
    closed: options.closed,
  });

  return {
    reading: input,
    get heardAt() {
      return heardAt;
    },
    waitFor(work) {
      input.hold('token', true);
      work.then(() => input.hold('token', false)).catch(fault);
    },
    stop() {
      stopped = true;
      every.stop();
      control.stop();
    },
  };
}
