import { z } from 'zod';
import {
  choice,
  duration,
  flag,
  group,
  list,
  log,
  modelReference,
  objects,
  optional,
  path,
  size,
  text,
  whole,
  withDefault,
} from './kinds.ts';
import { limitKeys } from './limitKeys.ts';
import { lacks, streamRule, token } from './listKeys.ts';
import { together } from './together.ts';

/*
 * Everything an operator can say, once: checks, types, defaults, `config print`, the flags of `serve` and
 * docs/configuration.md all come from here. Objects are strict: an unknown key is a typing error somebody should hear of.
 */

const algorithms = [
  'EdDSA',
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'HS256',
  'HS384',
  'HS512',
] as const;

const originRule = 'origins such as https://trends.example.com (no path)';

const keys = group({
  host: withDefault(text('an address or a host name', 'address to listen on'), '127.0.0.1'),
  port: withDefault(whole(0, 65_535, 'port to listen on, 0 for any free one'), 8420),
  insecure: withDefault(
    flag('serve an address that is not loopback to anyone, without authentication'),
    false,
  ),
  origins: withDefault(
    list(
      z.string(originRule).refine(isOrigin, originRule),
      originRule,
      'whose web pages may use the daemon, besides its own; `*` for any, where tokens are asked for',
    ),
    [],
  ),
  tls: group({
    cert: optional(path('file of the certificate chain (PEM), read again when it changes; not set: no TLS')),
    key: optional(path('file of its private key (PEM)')),
  }),
  auth: group({
    tokens: withDefault(objects(token, 'objects {name, sha256, scopes?, expires?}', 'static tokens'), []),
    jwt: group({
      publicKey: optional(path('file of the key (PEM: public key or certificate) that signs tokens')),
      jwks: optional(path('file of the keys (a JSON Web Key Set) that sign tokens')),
      secret: optional(path('file of the shared secret of HS256, HS384, HS512: 32 bytes or more')),
      algorithms: optional(
        list(
          z.enum(algorithms, `some of ${algorithms.join(', ')}`),
          `some of ${algorithms.join(', ')}`,
          'which signatures count; not set: EdDSA, ES256 and RS256, with a secret HS256',
        ),
      ),
      audience: optional(text('a text', 'what `aud` has to name; not set: not looked at')),
      issuer: optional(text('a text', 'what `iss` has to be; not set: not looked at')),
      clockTolerance: withDefault(
        duration('0ms', '10min', 'how far the clocks of issuer and daemon may differ'),
        5000,
      ),
    }),
  }),
  models: withDefault(
    path('the model repository; not set: a model that `models` does not hold may be one that ships'),
    'models',
  ),
  model: optional(
    modelReference(
      'what makes the trends of streams without a rule: NAME follows promotions, NAME@VERSION is pinned; not set: raw only',
    ),
  ),
  allow: withDefault(
    list(
      z.enum(lacks, `some of ${lacks.join(', ')}`),
      `some of ${lacks.join(', ')}`,
      'which guarantees the model of `model` may lack',
    ),
    [],
  ),
  streams: withDefault(
    objects(
      streamRule,
      'objects {match, model?, minCoverage?, stale?, allow?}',
      'rules in order: for each stream the first whose `match` fits',
    ),
    [],
  ),
  device: withDefault(choice(['cpu', 'cuda', 'auto'], 'where the filter runs'), 'cpu'),
  log: withDefault(
    log(
      'where samples are kept: `file` is $STATE_DIRECTORY (systemd), else ~/.local/state/firtrend; `memory` forgets all at the end',
    ),
    'file',
  ),
  sync: withDefault(
    choice(
      ['full', 'normal'],
      'what an acknowledgement waits for: `full` the disk (survives a loss of power), `normal` the operating system (survives the end of the daemon; a loss of power may cost the last 100 ms)',
    ),
    'full',
  ),
  retention: group({
    age: withDefault(
      duration(
        '1min',
        '36500d',
        'how long samples are kept in files; whole segments go, so some stay a little longer',
      ),
      7 * 86_400_000,
    ),
    bytes: optional(
      size(
        '64KiB',
        '64TiB',
        'what the log may hold before its oldest samples go; not set: 10GiB in files, 256MiB in memory',
      ),
    ),
  }),
  ping: group({
    interval: withDefault(duration('50ms', '10min', 'how often `alive` goes both ways'), 10_000),
    timeout: withDefault(duration('50ms', '10min', 'how long beyond that silence is borne'), 10_000),
  }),
  drainTimeout: withDefault(
    duration('0ms', '10min', 'how long clients have, once the daemon is told to stop'),
    10_000,
  ),
  watchInterval: withDefault(
    duration('50ms', '1h', 'how often models and certificates are looked at for a change'),
    1000,
  ),
  metricsWithoutToken: withDefault(flag('serve /metrics to anyone, where tokens are asked for'), false),
  logLevel: withDefault(
    choice(['debug', 'info', 'warn', 'error', 'silent'], 'what of its own log the daemon writes'),
    'info',
  ),
  limits: limitKeys,
});

export const configSchema = keys.superRefine(together);

/** Every key with its value: durations in ms, sizes in bytes. */
export type Config = z.output<typeof configSchema>;

function isOrigin(value: string): boolean {
  if (value === '*') return true;
  return URL.canParse(value) && /^https?:/.test(value) && new URL(value).origin === value;
}
