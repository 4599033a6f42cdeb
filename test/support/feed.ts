import { rawClient } from './rawClient.ts';

/** A producer in `firtrend.v1.bin` of one stream; what it sends can be told from its seq: `valueAt`. */
export interface Feed {
  readonly stream: string;
  readonly epoch: string;
  /** The next seq. */
  readonly seq: number;
  /** Sends so many frames at once. */
  send(frames: number): void;
  /** All that has been sent is acknowledged. */
  acknowledged(seconds?: number): Promise<void>;
  /** Goes away; what it sent stays. */
  end(): void;
}

/** The value of channel 0; whole numbers of float32. */
export const valueAt = (seq: number): number => seq % 65_536;

export async function feed(
  url: string,
  parts: {
    readonly stream: string;
    readonly channels: number;
    readonly rows: number;
    readonly alive?: number;
    /** What this stream was before; it goes on from there. */
    readonly after?: Pick<Feed, 'epoch' | 'seq'>;
  },
): Promise<Feed> {
  const { stream, channels, rows, alive = 5000, after } = parts;
  const client = await rawClient(url, { subprotocol: 'firtrend.v1.bin', alive });
  const named = Array.from({ length: channels }, (_, c) => ({ name: `c${c}` }));
  const held = after && { epoch: after.epoch, nextSeq: after.seq };
  const asked = { type: 'open', stream, channels: named, rate: 1000, ...held };
  const { slot, epoch, nextSeq } = await client.ask(asked);
  let seq = nextSeq;
  let acked = seq;

  /** As docs/protocol.md has it. */
  function frame(): Buffer {
    const bytes = Buffer.alloc(48 + 4 * rows * channels);
    bytes.set([1, 6]);
    bytes.writeUInt32LE(slot, 4);
    bytes.writeBigUInt64LE(BigInt(seq), 8);
    bytes.writeDoubleLE(1e12 + seq, 16);
    bytes.writeDoubleLE(1, 24);
    bytes.writeUInt32LE(rows, 32);
    bytes.writeUInt32LE(channels, 36);
    bytes.writeUInt32LE(1, 40);
    for (let row = 0; row < rows; row++) bytes.writeFloatLE(valueAt(seq + row), 48 + 4 * row);
    return bytes;
  }

  return {
    stream,
    epoch,
    get seq() {
      return seq;
    },
    send(frames) {
      for (let n = 0; n < frames; n++) {
        client.socket.send(frame());
        seq += rows;
      }
    },
    async acknowledged(seconds = 20) {
      if (seq === acked) return;
      await client.until((m) => m.type === 'ack' && m.slot === slot && m.nextSeq >= seq, seconds);
      acked = seq;
      // Nobody asks for earlier ones.
      client.messages.length = 0;
    },
    end: () => client.socket.terminate(),
  };
}
