import type { IncomingMessage, ServerResponse } from 'node:http';
import { FirtrendError } from '../../dsp/error.ts';
import { type Authenticate, anyone } from '../principal.ts';
import { type Answer, HttpError, jsonAnswer, refusalAnswer, send } from './answer.ts';
import { addressOf, bearer } from './bearer.ts';
import type { OriginPolicy } from './origins.ts';
import { find, handlerOf, type Route } from './router.ts';

export interface ApiPorts {
  readonly routes: readonly Route[];
  readonly origins: OriginPolicy;
  /** Undefined: everybody may do everything. */
  readonly authenticate: ((address: string) => Authenticate) | undefined;
  /** An error of ours: it costs this request, not the daemon. */
  readonly broken: (error: unknown) => void;
  /** How every request ended, for counting. */
  readonly answered: (method: string, status: number) => void;
}

/** Answers a request: whose page it comes from, what it is about, who makes it, what becomes of it; in this order. */
export function api(ports: ApiPorts): (request: IncomingMessage, response: ServerResponse) => void {
  async function answerTo(request: IncomingMessage): Promise<Answer> {
    const { method = 'GET', url = '/' } = request;
    const foreign = ports.origins.refusal(request);
    if (foreign !== undefined) throw new HttpError(403, 'forbidden', foreign);
    const { route, name, query } = find(ports.routes, url);
    if (method === 'OPTIONS') return preflightAnswer(route);
    const handler = handlerOf(route, method);
    const token = bearer(request);
    const anonymous = !ports.authenticate || (route.open === true && token === undefined);
    const principal = anonymous ? anyone : await ports.authenticate!(addressOf(request))(token);
    return handler({
      request,
      name,
      query,
      principal,
      anonymous: anonymous && ports.authenticate !== undefined,
    });
  }

  return (request, response) => {
    const { method = 'GET' } = request;
    const origin = ports.origins.origin(request);
    if (origin !== undefined) {
      response.setHeader('access-control-allow-origin', origin);
      response.setHeader('vary', 'origin');
    }
    response.on('error', () => undefined);
    answerTo(request)
      .catch((error: unknown) => {
        if (isClientGone(error)) throw error;
        const refusal = refusalAnswer(error);
        if (refusal) return refusal;
        ports.broken(error);
        return jsonAnswer({ code: 'internal', message: 'a fault of the daemon' }, 500);
      })
      .then((answer) => {
        ports.answered(method, answer.status);
        return send(request, response, answer);
      })
      .catch((error: unknown) => {
        // The client went away, or reads nothing: that is no fault.
        if (!isClientGone(error)) ports.broken(error);
        response.destroy();
      });
  };
}

/** What a page of an allowed origin may ask for. */
function preflightAnswer({ methods }: Route): Answer {
  return {
    status: 204,
    type: 'text/plain',
    headers: {
      'access-control-allow-methods': Object.keys(methods).join(', '),
      'access-control-allow-headers': 'authorization, content-type',
      'access-control-max-age': '600',
    },
    body: '',
  };
}

function isClientGone(error: unknown): boolean {
  if (error instanceof FirtrendError) return error.code === 'historyEnded';
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return ['ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED', 'ECONNRESET', 'EPIPE'].includes(code);
}
