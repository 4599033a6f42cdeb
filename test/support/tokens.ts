import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

/* JSON Web Tokens made with nothing but node:crypto, to check what the daemon's library takes. */

export interface Signer {
  readonly alg: string;
  sign(input: string): Buffer;
  /** What the daemon is given: PEM, or the bytes of the shared secret. */
  readonly publicKey: string | Buffer;
  readonly jwk: Readonly<Record<string, unknown>>;
}

function keyPair(
  alg: string,
  pair: { publicKey: KeyObject; privateKey: KeyObject },
  hash: string | null,
): Signer {
  return {
    alg,
    sign: (input) => sign(hash, Buffer.from(input), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }),
    publicKey: pair.publicKey.export({ type: 'spki', format: 'pem' }) as string,
    jwk: { ...pair.publicKey.export({ format: 'jwk' }), alg, kid: alg },
  };
}

export const signers = {
  EdDSA: () => keyPair('EdDSA', generateKeyPairSync('ed25519'), null),
  ES256: () => keyPair('ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' }), 'sha256'),
  RS256: () => keyPair('RS256', generateKeyPairSync('rsa', { modulusLength: 2048 }), 'sha256'),
  HS256: (secret: string | Buffer = 'a shared secret of at least 32 bytes.'): Signer => ({
    alg: 'HS256',
    sign: (input) => createHmac('sha256', secret).update(input).digest(),
    publicKey: Buffer.from(secret),
    jwk: {},
  }),
} as const;

/** Ends in an hour unless its claims say otherwise. */
export function jwt(signer: Signer, claims: object, header: object = {}): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const input = `${part({ alg: signer.alg, typ: 'JWT', ...header })}.${part({ sub: 'someone', exp: now + 3600, ...claims })}`;
  return `${input}.${signer.sign(input).toString('base64url')}`;
}
