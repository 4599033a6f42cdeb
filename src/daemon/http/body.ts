import type { IncomingMessage } from 'node:http';
import { isShallow } from '../../wire/jsonDepth.ts';
import { HttpError } from './answer.ts';

/**
 * The JSON object in the body of a request. What is too long is refused before it is read; the server's time-outs see to
 * one that never ends.
 *
 * @throws HttpError 415, 413, 400
 */
export async function jsonBody(
  request: IncomingMessage,
  limits: { readonly bytes: number; readonly depth: number },
): Promise<Readonly<Record<string, unknown>>> {
  const { 'content-type': type = 'none', 'content-length': length } = request.headers;
  if (!/^application\/json *(;|$)/i.test(type)) {
    throw new HttpError(
      415,
      'badMessage',
      `content-type: expected application/json, got ${type.slice(0, 80)}`,
    );
  }
  const tooLong = (got: string): HttpError =>
    new HttpError(
      413,
      'limit',
      `body: expected at most ${limits.bytes} bytes (limits.messageBytes), got ${got}`,
      {
        // What is left of the body is not read.
        headers: { connection: 'close' },
      },
    );
  if (Number(length) > limits.bytes) throw tooLong(length!);
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > limits.bytes) throw tooLong('more');
    parts.push(part);
  }
  const text = Buffer.concat(parts).toString();
  if (!isShallow(text, limits.depth)) {
    throw new HttpError(
      400,
      'badMessage',
      `body: expected JSON nested at most ${limits.depth} deep (limits.jsonDepth), got deeper`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // V8's own message quotes the text.
    throw new HttpError(
      400,
      'badMessage',
      `body: expected one JSON object, got ${bytes} bytes that are not JSON`,
    );
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new HttpError(400, 'badMessage', 'body: expected one JSON object, got another value');
}
