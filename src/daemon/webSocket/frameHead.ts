/** How long the head of an unmasked frame is (RFC 6455, 5.2). */
export function headLength(payload: number): number {
  return payload < 126 ? 2 : payload < 65_536 ? 4 : 10;
}

const fin = 0x80;

/** Writes the head of a frame as a server sends it: unmasked, whole, uncompressed. @returns where the payload begins */
export function writeHead(to: Buffer, opcode: number, payload: number): number {
  to[0] = fin | opcode;
  if (payload < 126) {
    to[1] = payload;
    return 2;
  }
  if (payload < 65_536) {
    to[1] = 126;
    to.writeUInt16BE(payload, 2);
    return 4;
  }
  to[1] = 127;
  to.writeUInt32BE(0, 2);
  to.writeUInt32BE(payload, 6);
  return 10;
}

export function wholeFrame(opcode: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headLength(payload.byteLength) + payload.byteLength);
  frame.set(payload, writeHead(frame, opcode, payload.byteLength));
  return frame;
}

/** The same from text, which is written where it goes. */
export function textFrame(opcode: number, text: string): Buffer {
  const bytes = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(headLength(bytes) + bytes);
  frame.write(text, writeHead(frame, opcode, bytes));
  return frame;
}
