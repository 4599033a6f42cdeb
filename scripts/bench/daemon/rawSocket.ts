import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/*
 * A WebSocket client that costs next to nothing, so that the server is what is measured: frames are masked beforehand
 * and written by the hundred, and of what comes only the heads are looked at.
 */

export interface RawSocket {
  readonly socket: Socket;
  /** Sends a text message. */
  text(message: object): void;
  /** The next text message that fits; binary ones are passed over. */
  reply<T>(fits: (message: T & { type: string }) => boolean): Promise<T>;
  /** Called with the payload of every binary message: a view that is good only now. */
  onBinary: ((payload: Buffer) => void) | undefined;
}

const text = 1;
const binary = 2;

export async function rawSocket(url: string, subprotocol = 'firtrend.v1.bin'): Promise<RawSocket> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.setNoDelay();
  await once(socket, 'connect');
  socket.write(
    `GET ${pathname} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nupgrade: websocket\r\nconnection: upgrade\r\n` +
      `sec-websocket-version: 13\r\nsec-websocket-key: ${randomBytes(16).toString('base64')}\r\n` +
      `sec-websocket-protocol: ${subprotocol}\r\n\r\n`,
  );
  const texts: { type: string }[] = [];
  const waiting = new Set<() => void>();
  let rest: Buffer = Buffer.alloc(0);
  let upgraded = false;
  let opened: () => void = () => undefined;
  const open = new Promise<void>((resolve) => {
    opened = resolve;
  });

  const raw: RawSocket = {
    socket,
    onBinary: undefined,
    text: (message) => void socket.write(clientFrame(Buffer.from(JSON.stringify(message)), text)),
    reply: (fits) =>
      new Promise((resolve) => {
        const look = (): void => {
          const at = texts.findIndex((message) => fits(message as never));
          if (at < 0) return;
          waiting.delete(look);
          resolve(texts.splice(at, 1)[0] as never);
        };
        waiting.add(look);
        look();
      }),
  };

  socket.on('data', (chunk) => {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    if (!upgraded) {
      const end = rest.indexOf('\r\n\r\n');
      if (end < 0) return;
      if (!rest.toString('latin1', 0, end).startsWith('HTTP/1.1 101')) throw new Error(rest.toString());
      upgraded = true;
      opened();
      rest = rest.subarray(end + 4);
    }
    rest = frames(rest, (opcode, payload) => {
      if (opcode === binary) raw.onBinary?.(payload);
      if (opcode !== text) return;
      const message = JSON.parse(payload.toString()) as { type: string; t?: number; echo?: number };
      if (message.type === 'alive') {
        if (message.echo === undefined) raw.text({ type: 'alive', t: 0, echo: message.t });
        return;
      }
      texts.push(message);
      for (const look of waiting) look();
    });
  });
  // A relay passes on only to those that are there.
  await open;
  return raw;
}

/** Hands out whole frames of a server. @returns what is left */
function frames(bytes: Buffer, take: (opcode: number, payload: Buffer) => void): Buffer {
  let at = 0;
  while (bytes.length - at >= 2) {
    let length = bytes[at + 1]!;
    let head = 2;
    if (length === 126) {
      if (bytes.length - at < 4) break;
      length = bytes.readUInt16BE(at + 2);
      head = 4;
    } else if (length === 127) {
      if (bytes.length - at < 10) break;
      length = Number(bytes.readBigUInt64BE(at + 2));
      head = 10;
    }
    if (bytes.length - at < head + length) break;
    take(bytes[at]! & 15, bytes.subarray(at + head, at + head + length));
    at += head + length;
  }
  return bytes.subarray(at);
}

/** A frame as a client sends it, masked with a key of its own. */
export function clientFrame(payload: Uint8Array, opcode = binary): Buffer {
  const { length } = payload;
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.alloc(head + 4 + length);
  frame[0] = 128 | opcode;
  frame[1] = 128 | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head === 4) frame.writeUInt16BE(length, 2);
  if (head === 10) frame.writeBigUInt64BE(BigInt(length), 2);
  const key = randomBytes(4);
  frame.set(key, head);
  for (let i = 0; i < length; i++) frame[head + 4 + i] = payload[i]! ^ key[i & 3]!;
  return frame;
}

/** Writes all of it, no faster than it goes. */
export async function writeAll(socket: Socket, chunks: Iterable<Buffer>): Promise<void> {
  for (const chunk of chunks) if (!socket.write(chunk)) await once(socket, 'drain');
}
