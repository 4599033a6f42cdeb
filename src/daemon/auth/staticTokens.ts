import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { TokenEntry } from '../config/listKeys.ts';
import { type Principal, unauthorised } from '../principal.ts';
import { mayBy } from './scopes.ts';

/** A new token: 256 random bits behind a mark by which a scanner finds one that got about. */
export function newToken(): string {
  return `frt_${randomBytes(32).toString('base64url')}`;
}

/** What is stored of a token. One round of a hash is enough, for nobody guesses 256 random bits. */
export function tokenSha256(token: string): string {
  return digest(token).toString('hex');
}

export interface StaticTokens {
  /**
   * Whose token it is, undefined where nobody's. Every entry is compared, each in constant time.
   *
   * @throws FirtrendError `unauthorised` for one that has ended
   */
  find(token: string): Principal | undefined;
  /** Every principal with what the configuration says of it. */
  readonly principals: ReadonlyMap<Principal, string>;
}

export function staticTokens(entries: readonly TokenEntry[]): StaticTokens {
  const known = entries.map((entry) => ({
    sha256: Buffer.from(entry.sha256, 'hex'),
    principal: principalOf(entry),
    identity: JSON.stringify(entry),
  }));
  return {
    find(token) {
      const given = digest(token);
      const found = known.filter(({ sha256 }) => timingSafeEqual(sha256, given))[0]?.principal;
      if (found?.expires !== undefined && found.expires <= Date.now()) {
        throw unauthorised('token: expected one that is valid, got one that has expired');
      }
      return found;
    },
    principals: new Map(known.map(({ principal, identity }) => [principal, identity])),
  };
}

function principalOf({ name, scopes, expires }: TokenEntry): Principal {
  return { name, scopes, ...(expires !== undefined && { expires: Date.parse(expires) }), may: mayBy(scopes) };
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
