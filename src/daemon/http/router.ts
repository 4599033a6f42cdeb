import type { IncomingMessage } from 'node:http';
import type { Principal } from '../principal.ts';
import { type Answer, HttpError } from './answer.ts';

/** A request whose path is one of ours, by somebody who may make it. */
export interface ApiRequest {
  readonly request: IncomingMessage;
  /** What stood for `{name}`, decoded; empty where the path has none. */
  readonly name: string;
  readonly query: URLSearchParams;
  readonly principal: Principal;
  /** Whether it came without a token where tokens are asked for: only open routes see such. */
  readonly anonymous: boolean;
}

/** Tells the log who changed what. */
export type Audit = (by: ApiRequest, action: string, what: object) => void;

export type Handler = (request: ApiRequest) => Answer | Promise<Answer>;

export interface Route {
  /** `{name}` stands for one part of a path or more: names of streams have slashes, encoded or not. */
  readonly path: string;
  /** Whether anybody may ask, token or not. */
  readonly open?: boolean;
  readonly methods: Readonly<Record<string, Handler>>;
}

export interface Found {
  readonly route: Route;
  readonly name: string;
  readonly query: URLSearchParams;
}

/** The first route that fits the path. @throws HttpError 400 for one that cannot be decoded, 404 */
export function find(routes: readonly Route[], target: string): Found {
  const [path = '', ...query] = target.split('?');
  for (const route of routes) {
    const match = pattern(route.path).exec(path);
    if (match) return { route, name: decoded(match[1] ?? ''), query: new URLSearchParams(query.join('?')) };
  }
  const known = routes.map((route) => route.path).join(', ');
  throw new HttpError(404, 'notFound', `path: expected one of ${known}, or a WebSocket at /v1`);
}

/** @throws HttpError 405 */
export function handlerOf({ methods }: Route, method: string): Handler {
  const handler = methods[method] ?? (method === 'HEAD' ? methods.GET : undefined);
  if (handler) return handler;
  const allow = Object.keys(methods).flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name]));
  throw new HttpError(405, 'badMessage', `method: expected ${allow.join(' or ')}, got ${method}`, {
    headers: { allow: allow.join(', ') },
  });
}

const patterns = new Map<string, RegExp>();

function pattern(path: string): RegExp {
  const known = patterns.get(path);
  if (known) return known;
  const made = new RegExp(`^${path.replaceAll('.', '\\.').replace('{name}', '(.+)')}$`, 's');
  patterns.set(path, made);
  return made;
}

function decoded(text: string): string {
  try {
    return text.split('/').map(decodeURIComponent).join('/');
  } catch {
    throw new HttpError(400, 'badMessage', 'path: expected percent-encoded UTF-8, got something else', {
      field: 'name',
    });
  }
}
