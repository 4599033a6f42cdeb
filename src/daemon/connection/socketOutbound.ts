import { closeCodes, closeReason } from '../../wire/closeCodes.ts';
import type { ServerCodec } from '../../wire/codec.ts';
import type { KernelInfo } from '../../wire/serverMessages.ts';
import type { Outbound } from '../hub/outbound.ts';
import type { Limits } from '../limits.ts';
import { textFrame } from '../webSocket/frameHead.ts';
import { opcodes } from '../webSocket/opcodes.ts';
import type { ServerSocket } from '../webSocket/serverSocket.ts';
import { type Backlog, backlog } from './backlog.ts';
import type { Corks } from './corks.ts';
import type { TrendFrames } from './trendFrames.ts';
import { turns } from './turns.ts';

export interface OutboundOptions {
  readonly socket: ServerSocket;
  readonly codec: ServerCodec;
  readonly frames: TrendFrames;
  readonly corks: Corks;
  readonly limits: Pick<Limits, 'outboundBytes' | 'controlBacklogBytes'>;
  /** Called when answers begin, and cease, to pile up. */
  readonly answersWait: (waiting: boolean) => void;
  /** Called once, when this side ends the connection. */
  readonly ended: () => void;
}

/** The sending side of one WebSocket. `over` says that the other side has ended it. */
export function socketOutbound(options: OutboundOptions): Outbound & { over(): void } {
  const { socket, codec, frames, corks, limits } = options;
  const { stream } = socket;
  /** Below this there is room again: half, so that a client at the edge does not flicker. */
  const roomAgain = limits.outboundBytes / 2;
  const answers = backlog();
  const unasked = backlog();
  const waiters: (() => void)[] = [];
  const queue = turns();
  /** Bytes written to the stream so far. */
  let written = 0;
  let open = true;
  let corked = false;
  let answersHeld = false;
  /** A waiter has been given room and has yet to use it. */
  let giving = false;
  let news: { readonly changes: { slot: number; seq: number }[]; readonly info: KernelInfo } | undefined;

  /** What waits to be sent, apart by kinds. */
  function waiting(): { readonly data: number } {
    const length = stream.writableLength;
    answers.settle(written - length);
    unasked.settle(written - length);
    return { data: length - answers.bytes - unasked.bytes };
  }

  function write(part: Uint8Array): void {
    if (!corked) {
      corked = true;
      stream.cork();
      corks.add(uncork);
    }
    written += part.byteLength;
    // An error here is the connection's own end, which 'close' tells.
    stream.write(part, onWritten);
  }

  function uncork(): void {
    tellNews();
    corked = false;
    stream.uncork();
  }

  function writeControl(message: Parameters<Outbound['control']>[0], kind: Backlog): void {
    const frame = textFrame(opcodes.text, codec.encodeServerMessage(message));
    write(frame);
    kind.add(written, frame.byteLength);
  }

  function tellNews(): void {
    if (!news) return;
    const { changes, info } = news;
    news = undefined;
    control({ type: 'kernel', changes, ...info });
  }

  function control(message: Parameters<Outbound['control']>[0]): void {
    tellNews();
    if (!open) return;
    waiting();
    if (unasked.bytes > limits.controlBacklogBytes) {
      end(
        closeCodes.controlBacklog,
        `${unasked.bytes} bytes of control messages are not being read (limits.controlBacklogBytes)`,
      );
    } else {
      writeControl(message, unasked);
    }
  }

  function onWritten(): void {
    if (waiters.length === 0 && !answersHeld) return;
    const { data } = waiting();
    if (answersHeld && answers.bytes <= roomAgain) {
      answersHeld = false;
      options.answersWait(false);
    }
    if (data <= roomAgain) giveRoom();
  }

  /** One at a time, for the first may fill the room again. */
  function giveRoom(): void {
    if (giving || (open && waiting().data > roomAgain)) return;
    const next = waiters.shift();
    if (!next) return;
    giving = true;
    next();
    setImmediate(() => {
      giving = false;
      giveRoom();
    });
  }

  function over(): void {
    if (!open) return;
    open = false;
    giveRoom();
    options.ended();
  }

  function end(code: number, reason: string): void {
    if (!open) return;
    over();
    socket.close(code, closeReason(reason));
  }

  return {
    control,
    reply(message) {
      tellNews();
      if (!open) return;
      writeControl(message, answers);
      if (answersHeld) return;
      waiting();
      answersHeld = answers.bytes > limits.outboundBytes;
      if (answersHeld) options.answersWait(true);
    },
    kernel(slot, seq, info) {
      if (news && !sameInfo(news.info, info)) tellNews();
      news ??= { changes: [], info };
      news.changes.push({ slot, seq });
      if (!open || corked) return;
      corked = true;
      stream.cork();
      corks.add(uncork);
    },
    trend(slot, rows, marks) {
      tellNews();
      if (!open) return;
      for (const part of frames.parts(rows, codec, slot, marks)) write(part);
    },
    get congested() {
      return stream.writableLength > limits.outboundBytes && waiting().data > limits.outboundBytes;
    },
    writable() {
      if (!open || (waiters.length === 0 && waiting().data <= roomAgain)) return Promise.resolve();
      return new Promise<void>((resolve) => waiters.push(resolve));
    },
    turn: queue.take,
    get othersWait() {
      return queue.othersWait;
    },
    end,
    over,
  };
}

function sameInfo(a: KernelInfo, b: KernelInfo): boolean {
  return a.model === b.model && a.version === b.version && a.lag === b.lag && a.reason === b.reason;
}
