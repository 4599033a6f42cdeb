import type { z } from 'zod';
import type { Config } from './schema.ts';

/** Whether clients have to say who they are. */
export function asksForTokens({ auth }: Pick<Config, 'auth'>): boolean {
  return auth.tokens.length > 0 || keyFiles(auth.jwt).length > 0;
}

/** Which of the three kinds of key there are; more than one is an error. */
export function keyFiles(jwt: Config['auth']['jwt']): ('publicKey' | 'jwks' | 'secret')[] {
  return (['publicKey', 'jwks', 'secret'] as const).filter((name) => jwt[name] !== undefined);
}

/** What keys have to do with each other. */
export function together(config: Config, context: z.core.$RefinementCtx<Config>): void {
  const refuse = (path: (string | number)[], message: string): void =>
    context.addIssue({ code: 'custom', path, message });
  const { tls, auth, origins } = config;
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    refuse(['tls', tls.cert === undefined ? 'cert' : 'key'], 'both cert and key, or neither');
  }
  const keys = keyFiles(auth.jwt);
  if (keys.length > 1)
    refuse(['auth', 'jwt', keys[1]!], `one of publicKey, jwks, secret (there is ${keys[0]} already)`);
  const { algorithms, audience, issuer } = auth.jwt;
  if (keys.length === 0 && (algorithms ?? audience ?? issuer) !== undefined) {
    refuse(['auth', 'jwt', 'publicKey'], 'one of publicKey, jwks, secret, for tokens to be checked with');
  }
  // A public key taken for a shared secret would let everybody sign.
  const wrong =
    keys.length === 1 && algorithms?.find((name) => name.startsWith('HS') !== (keys[0] === 'secret'));
  if (wrong) {
    const fitting =
      keys[0] === 'secret' ? 'HS256, HS384, HS512 with a secret' : 'signatures of public keys (no HS…)';
    refuse(['auth', 'jwt', 'algorithms', algorithms!.indexOf(wrong)], fitting);
  }
  for (const field of ['name', 'sha256'] as const) {
    const values = auth.tokens.map((token) => token[field]);
    const again = values.findIndex((value, i) => values.indexOf(value) < i);
    if (again >= 0) refuse(['auth', 'tokens', again, field], `a ${field} that no other token has`);
  }
  if (origins.includes('*') && !asksForTokens(config)) {
    refuse(['origins', origins.indexOf('*')], 'origins by name, where no token is asked for');
  }
}
