import { binaryServerCodec } from '../../wire/binaryServerCodec.ts';
import { closeCodes } from '../../wire/closeCodes.ts';
import type { ServerCodec } from '../../wire/codec.ts';
import { jsonServerCodec } from '../../wire/jsonServerCodec.ts';
import type { Subprotocol } from '../../wire/limits.ts';
import type { Reply } from '../ingest/step.ts';
import type { Limits } from '../limits.ts';
import type { Authenticate, Principal } from '../principal.ts';
import type { ServerSocket } from '../webSocket/serverSocket.ts';
import { type Connection, type ConnectionPorts, connection } from './connection.ts';
import { corks } from './corks.ts';
import { TrendFrames } from './trendFrames.ts';

/** Whoever hands in events of streams and waits for their answers: a WebSocket, or a request over HTTP. */
interface Replier {
  reply(reply: Reply): void;
  /** All answers of a batch have been given. */
  flushAcks?(): void;
}

/** Where a WebSocket comes from. */
interface Origin {
  readonly address: string;
  /** Of the `Authorization` header of the upgrade. */
  readonly token: string | undefined;
}

/** All that is connected to the daemon. */
export interface Connections {
  readonly size: number;
  /** How many read more slowly than is sent to them. */
  readonly slow: number;
  accept(socket: ServerSocket, from: Origin): void;
  /** Gives a number, for `ProducerSlot.connection`, to one that is no WebSocket; `leave` takes it back. */
  join(replier: Replier): { readonly number: number; leave(): void };
  /** Hands answers of one batch to whom they are for. */
  reply(replies: Iterable<Reply>): void;
  /** Tells every client when (ms since 1970) the connection will be closed, and resolves when all have gone or it is. */
  drain(deadline: number): Promise<void>;
  /** Tells whoever feeds a stream that nothing is acknowledged until there is space. */
  logFull(): void;
  /** Ends those whose principal no longer stands. */
  recheck(stands: (principal: Principal) => boolean): void;
  /** Ends every WebSocket. */
  end(code: number, reason: string): void;
}

/** What all connections share, but for what belongs to each. */
export interface ConnectionsPorts
  extends Omit<ConnectionPorts, 'frames' | 'corks' | 'ended' | 'authenticate'> {
  /** For a client at an address; undefined: everybody may do everything. */
  readonly authenticate: ((address: string) => Authenticate) | undefined;
}

export function connections(ports: ConnectionsPorts): Connections {
  const { limits } = ports;
  const sockets = new Map<number, Connection>();
  const repliers = new Map<number, Replier>();
  const shared = { frames: new TrendFrames(), corks: corks() };
  const codecs = serverCodecs(limits);
  let numbers = 0;
  let draining: number | undefined;
  let gone: (() => void) | undefined;

  return {
    get size() {
      return sockets.size;
    },
    get slow() {
      let count = 0;
      for (const { congested } of sockets.values()) if (congested) count++;
      return count;
    },
    accept(socket, { address, token }) {
      if (sockets.size >= limits.connections) {
        const nothing = (): void => undefined;
        socket.start({ message: nothing, heard: nothing, closed: nothing });
        socket.close(closeCodes.limit, `limits.connections: at most ${limits.connections}`);
        return;
      }
      const number = numbers++;
      const made = connection(
        number,
        { socket, codec: codecs[socket.protocol as Subprotocol], token },
        {
          ...ports,
          ...shared,
          authenticate: ports.authenticate?.(address),
          ended() {
            sockets.delete(number);
            repliers.delete(number);
            if (sockets.size === 0) gone?.();
          },
        },
      );
      sockets.set(number, made);
      repliers.set(number, made);
      if (draining !== undefined) made.drain(draining);
    },
    join(replier) {
      const number = numbers++;
      repliers.set(number, replier);
      return { number, leave: () => void repliers.delete(number) };
    },
    reply(replies) {
      const answered = new Set<Replier>();
      for (const reply of replies) {
        const replier = repliers.get(reply.to.connection);
        if (!replier) continue;
        replier.reply(reply);
        answered.add(replier);
      }
      for (const replier of answered) replier.flushAcks?.();
    },
    async drain(deadline) {
      draining = deadline;
      for (const each of sockets.values()) each.drain(deadline);
      if (sockets.size === 0) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(0, deadline - Date.now()));
        gone = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.end(closeCodes.draining, 'the daemon is closing');
    },
    logFull() {
      for (const each of sockets.values()) each.logFull();
    },
    recheck(stands) {
      for (const each of [...sockets.values()]) {
        if (!each.principal || stands(each.principal)) continue;
        each.end(closeCodes.tokenExpired, 'the token was taken back or changed');
      }
    },
    end(code, reason) {
      for (const each of [...sockets.values()]) each.end(code, reason);
    },
  };
}

function serverCodecs(limits: Limits): Readonly<Record<Subprotocol, ServerCodec>> {
  const { messageBytes: message, controlBytes: control, rows, channels, jsonDepth: depth } = limits;
  const each = { message, control, rows, channels, depth };
  return {
    'firtrend.v1.bin': binaryServerCodec(each),
    'firtrend.v1.json': jsonServerCodec(each),
  };
}
