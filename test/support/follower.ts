import { onTestFinished } from 'vitest';
import WebSocket from 'ws';
import { valueAt } from './feed.ts';

/**
 * A subscriber in `firtrend.v1.bin` that knows nothing of the project's code and keeps nothing of what comes but how far
 * it is. It holds what comes against the promises: nothing missing, nothing twice, the values those of `feed`.
 */
export interface Follower {
  readonly socket: WebSocket;
  /** The next seq of each stream that it holds a position in, with its epoch: what it can go on from. */
  readonly positions: ReadonlyMap<string, { readonly epoch: string; readonly seq: number }>;
  /** What broke a promise. */
  readonly faults: readonly string[];
  readonly frames: number;
  /** Frames that were marked as replayed. */
  readonly replayed: number;
  /** Numbers that the daemon said it had no more. */
  readonly lost: number;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
}

export interface FollowOptions {
  readonly streams: string;
  readonly mode?: 'lossless' | 'latest';
  /** Where to go on; live without. */
  readonly from?: Follower['positions'];
  /** Milliseconds from one `alive` to the next; 5000. */
  readonly alive?: number;
  /** Who calls ends it: there may be no test at hand that does. */
  readonly outlives?: boolean;
  /** Called for each frame, once it has been looked at. */
  readonly onFrame?: (seq: number, rows: number) => void;
}

interface SlotState {
  readonly name: string;
  readonly epoch: string;
}

/** Resolves once subscribed; rejects where it cannot connect, or is closed before. */
export async function follow(url: string, options: FollowOptions): Promise<Follower> {
  const {
    streams,
    mode = 'lossless',
    from,
    alive = 5000,
    outlives = false,
    onFrame = () => undefined,
  } = options;
  const socket = new WebSocket(url, 'firtrend.v1.bin', { perMessageDeflate: false });
  if (!outlives) onTestFinished(() => socket.terminate());
  const positions = new Map(from);
  const slots = new Map<number, SlotState>();
  const faults: string[] = [];
  let frames = 0;
  let replayed = 0;
  let lost = 0;
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });

  function begin(given: readonly Record<string, unknown>[]): void {
    for (const { slot, name, epoch, nextSeq, recovered, lost: missing } of given as never as Begun[]) {
      slots.set(slot, { name, epoch });
      const held = positions.get(name);
      if (missing) lost += missing.toSeq - missing.fromSeq;
      if (held && !recovered)
        faults.push(`${name}: not recovered from ${held.seq}: ${JSON.stringify(missing)}`);
      if (!held || !recovered) positions.set(name, { epoch, seq: nextSeq });
    }
  }

  function frame(bytes: Buffer): void {
    const slot = slots.get(bytes.readUInt32LE(4));
    const seq = Number(bytes.readBigUInt64LE(8));
    const rows = bytes.readUInt32LE(32);
    const channels = bytes.readUInt32LE(36);
    if (!slot) return void faults.push(`a frame of slot ${bytes.readUInt32LE(4)}, which none told of`);
    const due = positions.get(slot.name)!.seq;
    if (mode === 'lossless' ? seq !== due : seq < due)
      faults.push(`${slot.name}: expected ${due}, got ${seq}`);
    const raw = 8 * bytes.readUInt8(1) + 4 * rows * channels;
    for (let row = 0; row < rows; row++) {
      const value = bytes.readFloatLE(raw + 4 * row);
      if (value !== valueAt(seq + row)) faults.push(`${slot.name} ${seq + row}: got ${value}`);
    }
    positions.set(slot.name, { epoch: slot.epoch, seq: seq + rows });
    frames++;
    if (bytes.readUInt16LE(2) & 4) replayed++;
    onFrame(seq, rows);
  }

  const start = from && {
    positions: Object.fromEntries(from),
    others: 'live',
  };
  await new Promise<void>((resolve, reject) => {
    void closed.then(({ code }) => reject(new Error(`closed with ${code}`)));
    socket.on('error', reject);
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) return frame(data);
      const message = JSON.parse(data.toString());
      if (message.type === 'welcome') {
        const fields = ['trend', 'raw'];
        socket.send(
          JSON.stringify({
            type: 'subscribe',
            id: 1,
            streams: [streams],
            fields,
            mode,
            ...(start && { start }),
          }),
        );
      } else if (message.type === 'subscribed' || message.type === 'added') {
        begin(message.streams);
        resolve();
      } else if (message.type === 'gap' || message.type === 'error') {
        faults.push(JSON.stringify(message));
      }
    });
  });
  const timer = setInterval(() => socket.send('{"type":"alive","t":0}'), alive);
  void closed.then(() => clearInterval(timer));

  return {
    socket,
    positions,
    faults,
    closed,
    get frames() {
      return frames;
    },
    get replayed() {
      return replayed;
    },
    get lost() {
      return lost;
    },
  };
}

interface Begun {
  readonly slot: number;
  readonly name: string;
  readonly epoch: string;
  readonly nextSeq: number;
  readonly recovered?: boolean;
  readonly lost?: { readonly fromSeq: number; readonly toSeq: number };
}
