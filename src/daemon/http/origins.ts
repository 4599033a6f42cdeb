import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** Which web pages may use the daemon, and by which names it may be called. */
export interface OriginPolicy {
  /** Why a request is not for us, in words; undefined where it is. */
  refusal(request: Pick<IncomingMessage, 'headers'>): string | undefined;
  /** The origin to name in answers to a page that may read them. */
  origin(request: Pick<IncomingMessage, 'headers'>): string | undefined;
}

export interface OriginRules {
  /** Origins that are allowed beside the daemon's own; `*` is any. */
  readonly origins: readonly string[];
  /**
   * Whether the daemon answers to any host name. Where it asks for no token and is meant for this machine only, it must
   * not: a page of any site could have its own name resolve to 127.0.0.1 and would then be of "the same origin".
   */
  readonly anyHost: boolean;
  /** The configured address or name, which is a good one in any case. */
  readonly host: string;
  readonly secure: boolean;
}

/** @param rules asked for each request: they may change */
export function originPolicy(rules: () => OriginRules): OriginPolicy {
  const named = (origin: string): boolean => {
    const { origins } = rules();
    return origins.includes('*') || origins.includes(origin);
  };
  const own = ({ headers: { host, origin } }: Pick<IncomingMessage, 'headers'>): boolean =>
    origin === `${rules().secure ? 'https' : 'http'}://${host}`;
  return {
    refusal(request) {
      const { host, origin } = request.headers;
      if (!goodHost(host, rules())) return `host: expected the address of the daemon, got ${host ?? 'none'}`;
      if (origin === undefined || named(origin) || own(request)) return undefined;
      return `origin: expected one that the configuration names in "origins", got ${origin.slice(0, 200)}`;
    },
    origin(request) {
      const { origin } = request.headers;
      return origin !== undefined && (named(origin) || own(request)) ? origin : undefined;
    },
  };
}

function goodHost(host: string | undefined, { anyHost, origins, host: configured }: OriginRules): boolean {
  if (anyHost) return true;
  // Without a host there is no page: browsers always send it.
  if (host === undefined) return true;
  const name = host
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  return (
    isIP(name) !== 0 ||
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === configured.toLowerCase() ||
    origins.some((origin) => URL.canParse(origin) && new URL(origin).hostname === name)
  );
}
