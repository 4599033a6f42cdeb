import { isUtf8 } from 'node:buffer';
import { opcodes, protocolCodes } from './opcodes.ts';
import { unmask } from './unmask.ts';

/** What a client sends, as it comes out of its frames. */
export interface FrameHandlers {
  /** A whole message. Binary ones, and all that fit into one read of the socket, are views: good until they are changed. */
  message(data: Buffer, isBinary: boolean): void;
  ping(payload: Buffer): void;
  pong(): void;
  /** The client closes. @param code 1005 where it gave none */
  close(code: number, reason: string): void;
  /** What came breaks the protocol (RFC 6455): nothing after it is read. */
  broken(code: number, reason: string): void;
}

/**
 * Takes the frames of a client apart: masked, unfragmented or in fragments, control frames between them. Reading stops
 * at once when it is paused, also in the middle of what has arrived.
 */
export interface FrameReader {
  /** What has arrived. */
  push(chunk: Buffer): void;
  /** Stops before the next frame. */
  pause(): void;
  /** Goes on with what has arrived. */
  resume(): void;
  /** Nothing more is read. */
  stop(): void;
}

const noBytes = Buffer.alloc(0);

export function frameReader(maxMessage: number, handlers: FrameHandlers): FrameReader {
  /** What has arrived and is not yet taken apart: from `at` on. */
  let bytes: Buffer = noBytes;
  let words: Uint32Array = new Uint32Array(0);
  let at = 0;
  /** A payload that did not arrive in one piece, while it fills. */
  let payload: Buffer | undefined;
  let filled = 0;
  /** The head of the frame whose payload is awaited. */
  let opcode = 0;
  let fin = false;
  let key = 0;
  /** The message that is being put together from fragments. */
  let fragments: Buffer | undefined;
  let fragmentsLength = 0;
  let kind = 0;
  let paused = false;
  let stopped = false;
  let busy = false;

  function fail(code: number, reason: string): void {
    stopped = true;
    bytes = noBytes;
    handlers.broken(code, reason);
  }

  function use(chunk: Buffer): void {
    bytes = chunk;
    at = 0;
    words = new Uint32Array(chunk.buffer, 0, chunk.buffer.byteLength >> 2);
  }

  /** Takes frames apart until it must wait. */
  function read(): void {
    if (busy) return;
    busy = true;
    while (!stopped && !paused && (payload ? fill() : start()));
    busy = false;
  }

  /** Reads the head of a frame, and its payload if all of it is there. @returns whether there may be more to read */
  function start(): boolean {
    const left = bytes.length - at;
    if (left < 2) return false;
    const first = bytes[at]!;
    const second = bytes[at + 1]!;
    let length = second & 127;
    const head = length < 126 ? 2 : length === 126 ? 4 : 10;
    if (!wellFormed(first, second)) return false;
    if (left < head + 4) return false;
    if (length === 126) length = bytes.readUInt16BE(at + 2);
    else if (length === 127) length = bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6);
    const whole = length + ((first & 15) === opcodes.continuation ? fragmentsLength : 0);
    if (whole > maxMessage) {
      fail(protocolCodes.tooBig, `a message of more than ${maxMessage} bytes (limits.messageBytes)`);
      return false;
    }
    opcode = first & 15;
    fin = (first & 128) !== 0;
    key = bytes.readInt32LE(at + head);
    at += head + 4;
    if (bytes.length - at < length) {
      payload = Buffer.allocUnsafeSlow(length);
      filled = 0;
      return fill();
    }
    const part = bytes.subarray(at, at + length);
    at += length;
    unmask(part, words, key);
    take(part, false);
    return true;
  }

  /** What must be refused before a length is believed. */
  function wellFormed(first: number, second: number): boolean {
    const code = first & 15;
    const wrong =
      (first & 0x70) !== 0
        ? 'a reserved bit is set'
        : (second & 128) === 0
          ? 'a frame that is not masked'
          : code > opcodes.pong || (code > opcodes.binary && code < opcodes.close)
            ? `an unknown opcode, ${code}`
            : code >= opcodes.close && ((first & 128) === 0 || (second & 127) > 125)
              ? 'a control frame in fragments or of more than 125 bytes'
              : code === opcodes.continuation && fragments === undefined
                ? 'a continuation of nothing'
                : (code === opcodes.text || code === opcodes.binary) && fragments !== undefined
                  ? 'a message within another'
                  : undefined;
    if (wrong === undefined) return true;
    fail(protocolCodes.protocolError, wrong);
    return false;
  }

  /** Moves what has arrived into the payload that is awaited. */
  function fill(): boolean {
    const whole = payload!;
    const count = Math.min(whole.length - filled, bytes.length - at);
    whole.set(bytes.subarray(at, at + count), filled);
    at += count;
    filled += count;
    if (filled < whole.length) return false;
    payload = undefined;
    unmask(whole, new Uint32Array(whole.buffer, 0, whole.buffer.byteLength >> 2), key);
    take(whole, true);
    return true;
  }

  /** @param own whether nobody else uses the memory */
  function take(part: Buffer, own: boolean): void {
    if (opcode >= opcodes.close) {
      control(part);
    } else if (fin && fragments === undefined) {
      deliver(part, opcode);
    } else {
      if (opcode !== opcodes.continuation) kind = opcode;
      append(part, own);
      if (!fin) return;
      const message = fragments!.subarray(0, fragmentsLength);
      fragments = undefined;
      fragmentsLength = 0;
      deliver(message, kind);
    }
  }

  /** Grows by doubling: a message in a million fragments costs what one in two does. */
  function append(part: Buffer, own: boolean): void {
    const length = fragmentsLength + part.length;
    if (fragments === undefined && own) {
      fragments = part;
    } else if (fragments === undefined || fragments.length < length) {
      const wider = Buffer.allocUnsafeSlow(Math.min(maxMessage, Math.max(1024, 2 * length)));
      if (fragments) wider.set(fragments.subarray(0, fragmentsLength));
      wider.set(part, fragmentsLength);
      fragments = wider;
    } else {
      fragments.set(part, fragmentsLength);
    }
    fragmentsLength = length;
  }

  function deliver(message: Buffer, as: number): void {
    if (as === opcodes.text && !isUtf8(message)) fail(protocolCodes.notUtf8, 'text that is not UTF-8');
    else handlers.message(message, as === opcodes.binary);
  }

  function control(part: Buffer): void {
    if (opcode === opcodes.ping) {
      handlers.ping(part);
    } else if (opcode === opcodes.pong) {
      handlers.pong();
    } else if (part.length === 1) {
      fail(protocolCodes.protocolError, 'a close code of one byte');
    } else if (part.length > 1 && !mayClose(part.readUInt16BE(0))) {
      fail(protocolCodes.protocolError, `the close code ${part.readUInt16BE(0)}`);
    } else if (!isUtf8(part.subarray(2))) {
      fail(protocolCodes.notUtf8, 'a reason that is not UTF-8');
    } else {
      stopped = true;
      bytes = noBytes;
      const code = part.length === 0 ? protocolCodes.noStatus : part.readUInt16BE(0);
      handlers.close(code, part.toString('utf8', 2));
    }
  }

  return {
    push(chunk) {
      if (stopped) return;
      use(at === bytes.length ? chunk : Buffer.concat([bytes.subarray(at), chunk]));
      read();
    },
    pause() {
      paused = true;
    },
    resume() {
      if (!paused) return;
      paused = false;
      read();
    },
    stop() {
      stopped = true;
      bytes = noBytes;
      payload = undefined;
      fragments = undefined;
    },
  };
}

/** Codes that a client may close with (RFC 6455, 7.4). */
function mayClose(code: number): boolean {
  if (code >= 3000 && code < 5000) return true;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}
