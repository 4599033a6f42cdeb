import type { Duplex } from 'node:stream';
import { wholeFrame } from './frameHead.ts';
import { frameReader } from './frameReader.ts';
import { opcodes, protocolCodes } from './opcodes.ts';

/** What is done with what a client sends. */
interface SocketHandlers {
  /** A message; binary data is a view that is good until it is changed. */
  message(data: Buffer, isBinary: boolean): void;
  /** A sign of life that is no message: a ping or a pong. */
  heard(): void;
  /** The end, once: 1006 where the connection was cut off. Nothing may be written to the stream from here on. */
  closed(code: number, reason: string): void;
}

/** The daemon's end of one WebSocket, from the handshake on. */
export interface ServerSocket {
  /** The subprotocol agreed on. */
  readonly protocol: string;
  /** What it runs on: whole frames may be written to it, each in one turn, until it is closed. */
  readonly stream: Duplex;
  readonly isPaused: boolean;
  /** Begins to read. */
  start(handlers: SocketHandlers): void;
  /** Reads no more until `resume`, not even what has arrived. */
  pause(): void;
  resume(): void;
  /** Closes; whoever does not answer in time, or reads nothing, is cut off. @param reason at most 123 bytes */
  close(code: number, reason: string): void;
}

export interface ServerSocketOptions {
  readonly protocol: string;
  readonly stream: Duplex;
  /** Bytes of one message. */
  readonly maxMessage: number;
  /** How long the client has to answer a close (ms). */
  readonly closeTimeout: number;
}

/** A pong more is not worth having where so many bytes wait already: RFC 6455 (5.5.3) lets pongs be left out. */
const pongBacklog = 64 * 1024;

export function serverSocket(options: ServerSocketOptions): ServerSocket {
  const { protocol, stream, maxMessage, closeTimeout } = options;
  let handlers: SocketHandlers | undefined;
  let paused = true;
  /** This end has sent a close. */
  let closing = false;
  let ended: { readonly code: number; readonly reason: string } | undefined;
  let late: NodeJS.Timeout | undefined;
  let told = false;

  const reader = frameReader(maxMessage, {
    message(data, isBinary) {
      if (!closing) handlers!.message(data, isBinary);
    },
    ping(payload) {
      handlers!.heard();
      if (!closing && stream.writableLength < pongBacklog) stream.write(wholeFrame(opcodes.pong, payload));
    },
    pong: () => handlers!.heard(),
    close(code, reason) {
      ended ??= { code, reason };
      // Its own code goes back; one that gave none gets none.
      sendClose(code === protocolCodes.noStatus ? undefined : code, '');
      finish();
    },
    broken(code, reason) {
      ended ??= { code, reason };
      sendClose(code, reason);
      finish();
    },
  });

  function sendClose(code: number | undefined, reason: string): void {
    if (closing) return;
    closing = true;
    stream.write(wholeFrame(opcodes.close, code === undefined ? noPayload : closePayload(code, reason)));
    late = setTimeout(() => stream.destroy(), closeTimeout);
  }

  function tellEnd(): void {
    if (told) return;
    told = true;
    const { code, reason } = ended ?? { code: protocolCodes.abnormal, reason: '' };
    handlers!.closed(code, reason);
  }

  /** Both ends have said that it is over. What still comes is thrown away. */
  function finish(): void {
    reader.stop();
    tellEnd();
    stream.end();
    stream.resume();
  }

  function receive(chunk: Buffer): void {
    try {
      reader.push(chunk);
    } catch (error) {
      // An error of ours: it costs this connection, not the daemon, and is told as the stream's.
      stream.destroy(error as Error);
    }
  }

  return {
    protocol,
    stream,
    get isPaused() {
      return paused;
    },
    start(given) {
      handlers = given;
      stream.on('data', receive);
      stream.once('end', finish);
      stream.once('close', () => {
        reader.stop();
        clearTimeout(late);
        tellEnd();
      });
      paused = false;
    },
    pause() {
      paused = true;
      reader.pause();
      stream.pause();
    },
    resume() {
      if (!paused) return;
      paused = false;
      reader.resume();
      // What has arrived may have paused it again.
      if (!paused) stream.resume();
    },
    close(code, reason) {
      ended ??= { code, reason };
      sendClose(code, reason);
      // Whoever is not read could not be heard to agree.
      this.resume();
    },
  };
}

const noPayload = Buffer.alloc(0);

function closePayload(code: number, reason: string): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code, 0);
  payload.write(reason, 2);
  return payload;
}
