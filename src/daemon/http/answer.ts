import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FirtrendError } from '../../dsp/error.ts';

/** What a request is answered with. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A body that comes in parts is sent as fast as the client reads it. */
  readonly body: string | AsyncIterable<string>;
  /** Called when it has been sent, or nobody listens any more. */
  readonly done?: () => void;
}

export function jsonAnswer(value: unknown, status = 200): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(value)}\n` };
}

export function textAnswer(text: string, type = 'text/plain; charset=utf-8'): Answer {
  return { status: 200, type, body: text };
}

/** A refusal with its HTTP status where the code alone does not tell it. */
export class HttpError extends FirtrendError {
  readonly status: number;
  readonly field: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    detail: { readonly field?: string; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(code, message);
    this.status = status;
    this.field = detail.field;
    this.headers = detail.headers ?? {};
  }
}

/** HTTP's word for each of our codes; what is not here is a fault of ours. */
const statuses: Readonly<Record<string, number>> = {
  badMessage: 400,
  frameSize: 400,
  unknownChannel: 400,
  seqAboveHead: 400,
  limit: 400,
  unauthorised: 401,
  forbidden: 403,
  modelName: 404,
  modelNotFound: 404,
  notFound: 404,
  streamBusy: 409,
  seqBelowHead: 409,
  modelOldest: 409,
  modelActive: 409,
  modelFile: 422,
  modelNotOnnx: 422,
  modelRefused: 422,
  modelNotAllowed: 422,
  filterKernel: 422,
  filterProof: 422,
  logFull: 503,
};

/** What a refusal is answered with; undefined where the error is a fault of ours. */
export function refusalAnswer(error: unknown): Answer | undefined {
  if (!(error instanceof FirtrendError)) return undefined;
  const status = error instanceof HttpError ? error.status : statuses[error.code];
  if (status === undefined) return undefined;
  const { code, message } = error;
  const { field, retryAfter } = error as { readonly field?: string; readonly retryAfter?: number };
  return {
    ...jsonAnswer({ code, message, field }, status),
    headers: {
      ...(status === 401 && { 'www-authenticate': 'Bearer' }),
      ...(retryAfter !== undefined && { 'retry-after': String(Math.ceil(retryAfter / 1000)) }),
      ...(error instanceof HttpError && error.headers),
    },
  };
}

/** A client that reads nothing of an answer for so long is given up (ms). */
const stalled = 30_000;

/** Sends an answer. A body that fails half-way ends the connection, so that nobody takes half for the whole. */
export async function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
): Promise<void> {
  const { status, type, headers, body, done } = answer;
  try {
    response.writeHead(status, {
      'content-type': type,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'",
      ...(typeof body === 'string' && { 'content-length': String(Buffer.byteLength(body)) }),
      ...headers,
    });
    if (request.method === 'HEAD') {
      response.end();
    } else if (typeof body === 'string') {
      response.end(body);
    } else {
      response.setTimeout(stalled, () => response.destroy());
      await pipeline(Readable.from(body), response);
    }
  } finally {
    done?.();
  }
}
