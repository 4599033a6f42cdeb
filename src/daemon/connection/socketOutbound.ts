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
const controlBacklog = 1024 * 1024;
/** How long the other end has to answer a close (ms). */
const closeTimeout = 1000;

/** Encoded once for all who see the same frame: by frame, then by subprotocol and view. */
export type SharedBodies = WeakMap<object, Map<string, SharedFrame>>;

/**
 * The sending side of one WebSocket.
 *
 * @param ended called once, when this side ends the connection or the other has
 */
export function socketOutbound(
  socket: WebSocket,
  codec: ServerCodec,
  shared: SharedBodies,
  ended: () => void,
): Outbound {
  const waiting = { control: 0, data: 0 };
  const waiters: (() => void)[] = [];
  let open = true;

  function send(kind: keyof typeof waiting, data: WireData): void {
    if (!open) return;
    const bytes = data.length;
    waiting[kind] += bytes;
    // An error here is the connection's own end, which 'close' tells.
    socket.send(data, { binary: typeof data !== 'string' }, () => {
      waiting[kind] -= bytes;
      giveRoom();
    });
  }

  /** One at a time, for the first may fill the room again. */
  function giveRoom(): void {
    if (open && waiting.data > roomAgain) return;
    const next = waiters.shift();
    if (!next) return;
    next();
    setImmediate(giveRoom);
  }

  function body(rows: TrendRows, of?: { readonly of: object; readonly key: string }): SharedFrame {
    if (!of) return codec.encodeTrend(rows);
    const key = `${codec.subprotocol} ${of.key}`;
    const bodies = shared.get(of.of) ?? new Map<string, SharedFrame>();
    shared.set(of.of, bodies);
    const encoded = bodies.get(key) ?? codec.encodeTrend(rows);
    bodies.set(key, encoded);
    return encoded;
  }

  function over(): void {
    if (!open) return;
    open = false;
    giveRoom();
    ended();
  }

  function end(code: number, reason: string): void {
    if (!open) return;
    over();
    socket.close(code, closeReason(reason));
    const late = setTimeout(() => socket.terminate(), closeTimeout);
    socket.once('close', () => clearTimeout(late));
  }

  socket.once('close', over);

  return {
    control(message: ServerControl) {
      if (waiting.control > controlBacklog) end(closeCodes.controlBacklog, 'control messages are not read');
      else send('control', codec.encodeServerMessage(message));
    },
    trend(slot, rows, of) {
      send('data', body(rows, of)(slot));
    },
    get congested() {
      return waiting.data > dataBudget;
    },
    writable() {
      if (!open || (waiting.data <= roomAgain && waiters.length === 0)) return Promise.resolve();
      return new Promise<void>((resolve) => waiters.push(resolve));
    },
    end,
  };
}
