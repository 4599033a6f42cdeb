import { z } from 'zod';
import { isPattern } from '../../wire/names.ts';
import { isScope, scopeRule } from '../auth/scopes.ts';
import { duration, list, modelReference, number, optional, secret, text, withDefault } from './kinds.ts';

/** The keys of the objects that lists of the configuration hold. */

const patternRule = 'patterns: stream names whose parts may be *, the last one **';
export const lacks = ['unordered', 'bias'] as const;
const allowances = [...lacks, 'rateMismatch', 'channelMismatch'] as const;
const timeRule = 'a time such as 2027-01-31T00:00:00Z';

export const streamRule = z.strictObject(
  {
    match: list(z.string(patternRule).refine(isPattern, patternRule), patternRule, 'the streams it is for'),
    model: optional(
      modelReference(
        'what makes the trends: NAME follows promotions, NAME@VERSION is pinned; not set: raw only',
      ),
    ),
    minCoverage: optional(
      number(
        2 ** -20,
        1,
        'how much of the kernel must meet samples for a trend to be given; not set: 1/(2K)',
        'a number from 2^-20 to 1',
      ),
    ),
    stale: optional(
      duration(
        '1ms',
        '30d',
        'the silence after which a stream is stale to its subscribers; not set: by its rate',
      ),
    ),
    allow: withDefault(
      list(
        z.enum(allowances, `some of ${allowances.join(', ')}`),
        `some of ${allowances.join(', ')}`,
        'what the model may lack (`unordered`, `bias`), or differ in from the stream (`rateMismatch`, `channelMismatch`)',
      ),
      [],
    ),
  },
  'an object {match, model?, minCoverage?, stale?, allow?}',
);

export const token = z.strictObject(
  {
    name: text('a text of 1 to 128 characters', 'whom the token is given to, as logs name it', (name) =>
      /^[^\p{Cc}]{1,128}$/u.test(name),
    ),
    sha256: secret(
      'SHA-256 of the token, 64 hexadecimal digits as `firtrend config token` prints them',
      'the token itself is written nowhere',
      /^[0-9a-f]{64}$/,
    ),
    scopes: withDefault(
      list(z.string(scopeRule).refine(isScope, scopeRule), scopeRule, 'what it allows'),
      [],
    ),
    expires: optional(
      text(
        timeRule,
        'when it ends; not set: never',
        (time) => /^\d{4}-\d\d-\d\d/.test(time) && !Number.isNaN(Date.parse(time)),
      ),
    ),
  },
  'an object {name, sha256, scopes?, expires?}',
);

export type TokenEntry = z.output<typeof token>;
