import type { WebSocket } from 'ws';
import { closeCodes, closeReason } from '../../wire/closeCodes.ts';
import type { ServerCodec, SharedFrame, WireData } from '../../wire/codec.ts';
import type { ServerControl, TrendRows } from '../../wire/serverMessages.ts';
import type { Outbound } from '../hub/outbound.ts';

/** Bytes of data that may wait beyond the frame being sent, before slots stop offering more. */
const dataBudget = 1024 * 1024;
/** Below this there is room again: half, so that a client at the edge does not flicker. */
const roomAgain = dataBudget / 2;
/** Control is never dropped; a client that lets this much of it pile up is gone. */
const controlBacklog = 4 * dataBudget;

/** Encoded once for all who see the same frame: by frame, then by subprotocol and view. */
export type SharedBodies = WeakMap<object, Map<string, SharedFrame>>;

/** The sending side of one WebSocket. */
export function socketOutbound(socket: WebSocket, codec: ServerCodec, shared: SharedBodies): Outbound {
  let waiting = 0;
  const waiters: (() => void)[] = [];

  function freed(bytes: number): void {
    waiting -= bytes;
    if (waiting <= roomAgain) giveRoom();
  }

  function giveRoom(): void {
    for (const resume of waiters.splice(0)) resume();
  }

  function send(data: WireData): void {
    if (socket.readyState !== socket.OPEN) return;
    const bytes = data.length;
    waiting += bytes;
    // An error here is the connection's own end, which 'close' tells.
    socket.send(data, { binary: typeof data !== 'string' }, () => freed(bytes));
  }

  function body(rows: TrendRows, of?: { readonly of: object; readonly key: string }): SharedFrame {
    if (!of) return codec.encodeTrend(rows);
    const key = `${codec.subprotocol} ${of.key}`;
    const bodies = shared.get(of.of) ?? new Map<string, SharedFrame>();
    shared.set(of.of, bodies);
    const body = bodies.get(key) ?? codec.encodeTrend(rows);
    bodies.set(key, body);
    return body;
  }

  socket.once('close', giveRoom);

  return {
    control(message: ServerControl) {
      if (waiting > controlBacklog) this.end(closeCodes.controlBacklog, 'control messages are not read');
      else send(codec.encodeServerMessage(message));
    },
    trend(slot, rows, of) {
      send(body(rows, of)(slot));
    },
    get congested() {
      return waiting > dataBudget;
    },
    writable() {
      if (waiting <= roomAgain || socket.readyState !== socket.OPEN) return Promise.resolve();
      return new Promise<void>((resolve) => waiters.push(resolve));
    },
    end(code, reason) {
      if (socket.readyState === socket.OPEN) socket.close(code, closeReason(reason));
    },
  };
}
