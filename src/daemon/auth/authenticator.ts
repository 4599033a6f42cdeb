import type { Config } from '../config/schema.ts';
import { asksForTokens } from '../config/together.ts';
import { type Authenticate, anyone, type Principal, unauthorised } from '../principal.ts';
import { type JwtVerifier, jwtVerifier } from './jwt.ts';
import { slowdown } from './slowdown.ts';
import { type StaticTokens, staticTokens } from './staticTokens.ts';

/** Who clients are. The configuration behind it can change while it is in use. */
export interface Authenticator {
  /** Whether clients have to say who they are; else everybody may do everything. */
  readonly required: boolean;
  /** For a client at this address: its failures make the next ones slower. */
  from(address: string): Authenticate;
  /**
   * Puts another configuration in force, or the files that it names as they are now. Whoever came in by a token that is
   * no longer there, or has other scopes now, no longer stands.
   *
   * @returns whether anything is otherwise now
   * @throws FirtrendError `jwtKey`: what was in force stays
   */
  reload(auth: Config['auth']): Promise<boolean>;
  /** Whether the token of a principal that came in is still in the configuration as it was. */
  stands(principal: Principal): boolean;
}

interface Known {
  readonly required: boolean;
  readonly tokens: StaticTokens;
  readonly jwt: JwtVerifier | undefined;
}

/** @throws FirtrendError `jwtKey` */
export async function authenticator(auth: Config['auth']): Promise<Authenticator> {
  let known = await knownBy(auth);
  const waits = slowdown();
  /** By what whoever came in is known again after a change. */
  const identities = new WeakMap<Principal, string>();

  async function identify(token: string | undefined): Promise<Principal> {
    const { required, tokens, jwt } = known;
    if (!required) return anyone;
    if (token === undefined) throw unauthorised('token: expected one, got none');
    const holder = tokens.find(token);
    if (holder) {
      identities.set(holder, tokens.principals.get(holder)!);
      return holder;
    }
    if (!jwt || token.split('.').length !== 3) throw unauthorised('token: expected one that is valid');
    const bearer = await jwt.verify(token);
    identities.set(bearer, jwt.identity);
    return bearer;
  }

  return {
    get required() {
      return known.required;
    },
    from: (address) => async (token) => {
      try {
        return await identify(token);
      } catch (error) {
        if (token !== undefined) await waits.failed(address);
        throw error;
      }
    },
    async reload(changed) {
      const before = fingerprint(known);
      known = await knownBy(changed);
      return fingerprint(known) !== before;
    },
    stands(principal) {
      if (principal === anyone) return !known.required;
      const identity = identities.get(principal);
      if (identity === undefined) return false;
      return identity === known.jwt?.identity || [...known.tokens.principals.values()].includes(identity);
    },
  };
}

function fingerprint({ tokens, jwt }: Known): string {
  return JSON.stringify([...tokens.principals.values(), jwt?.identity]);
}

async function knownBy(auth: Config['auth']): Promise<Known> {
  return {
    required: asksForTokens({ auth }),
    tokens: staticTokens(auth.tokens),
    jwt: await jwtVerifier(auth.jwt),
  };
}
