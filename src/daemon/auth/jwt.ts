import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from 'jose';
import { FirtrendError } from '../../dsp/error.ts';
import type { Config } from '../config/schema.ts';
import { keyFiles } from '../config/together.ts';
import { type Principal, unauthorised } from '../principal.ts';
import { isScope, mayBy } from './scopes.ts';
import { tokenSha256 } from './staticTokens.ts';

type JwtConfig = Config['auth']['jwt'];

export interface JwtVerifier {
  /** Whose JSON Web Token it is. @throws FirtrendError `unauthorised` for one that does not hold */
  verify(token: string): Promise<Principal>;
  /** Two with the same one take the same tokens. */
  readonly identity: string;
}

/** A shared secret shorter than its hash could be guessed (RFC 7518 §3.2). */
const leastSecret = 32;

/**
 * Reads the key that the configuration names; undefined where it names none.
 *
 * @throws FirtrendError `jwtKey` for a file that cannot be read or is no such key
 */
export async function jwtVerifier(config: JwtConfig): Promise<JwtVerifier | undefined> {
  const [kind] = keyFiles(config);
  if (kind === undefined) return undefined;
  const bytes = await readKeyFile(kind, config[kind]!);
  const key = keyOf(kind, config[kind]!, bytes);
  const options = {
    algorithms: config.algorithms ?? (kind === 'secret' ? ['HS256'] : ['EdDSA', 'ES256', 'RS256']),
    clockTolerance: config.clockTolerance / 1000,
    requiredClaims: ['sub', 'exp'],
    ...(config.audience !== undefined && { audience: config.audience }),
    ...(config.issuer !== undefined && { issuer: config.issuer }),
  };
  const verify = async (token: string): Promise<Principal> => {
    try {
      // The overloads of `jwtVerify` are for a key and for a function; ours is either.
      const { payload } = await (typeof key === 'function'
        ? jwtVerify(token, key, options)
        : jwtVerify(token, key, options));
      return principalOf(payload);
    } catch (cause) {
      if (cause instanceof errors.JWTExpired)
        throw unauthorised('token: expected one that is valid, got one that has expired');
      if (cause instanceof errors.JWTClaimValidationFailed) {
        throw unauthorised(`token: expected its claim ${cause.claim} to be as configured`);
      }
      // Of what else may be wrong with a token whoever made it up need not hear.
      throw unauthorised('token: expected one that is valid');
    }
  };
  return { verify, identity: tokenSha256(JSON.stringify([config, bytes.toString('base64')])) };
}

/** `scope` as OAuth writes it, or a list `scopes`; those of other services are passed over. */
function principalOf({ sub, exp, scope, scopes }: JWTPayload & { readonly scopes?: unknown }): Principal {
  const said = typeof scope === 'string' ? scope.split(' ') : Array.isArray(scopes) ? scopes : [];
  const ours = said.filter((each): each is string => typeof each === 'string' && isScope(each));
  const name = String(sub)
    .replace(/\p{Cc}/gu, '?')
    .slice(0, 128);
  return { name, scopes: ours, expires: exp! * 1000, may: mayBy(ours) };
}

type KeyFile = ReturnType<typeof keyFiles>[number];

async function readKeyFile(kind: KeyFile, path: string): Promise<Buffer> {
  return readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new FirtrendError(
      'jwtKey',
      `auth.jwt.${kind}: expected a readable file, got ${cause.code} (${path})`,
      { cause },
    );
  });
}

function keyOf(kind: KeyFile, path: string, bytes: Buffer) {
  const key = `auth.jwt.${kind}`;
  switch (kind) {
    case 'secret': {
      // The newline that editors put at the end of a file is not meant.
      const secret = bytes.at(-1) === 10 ? bytes.subarray(0, -1) : bytes;
      if (secret.length >= leastSecret) return new Uint8Array(secret);
      throw new FirtrendError(
        'jwtKey',
        `${key}: expected ${leastSecret} bytes or more, got ${secret.length} (${path})`,
      );
    }
    case 'publicKey':
      return parsed(key, path, 'a public key or a certificate in PEM', (): KeyObject => {
        if (bytes.includes('PRIVATE KEY')) throw new Error('a private key');
        return createPublicKey(bytes);
      });
    case 'jwks':
      return parsed(key, path, 'a JSON Web Key Set', () =>
        createLocalJWKSet(JSON.parse(bytes.toString()) as JSONWebKeySet),
      );
  }
}

/** No message quotes what is in the file. */
function parsed<T>(key: string, path: string, expected: string, parse: () => T): T {
  try {
    return parse();
  } catch {
    throw new FirtrendError('jwtKey', `${key}: expected ${expected}, got something else (${path})`);
  }
}
