import { FirtrendError } from '../dsp/error.ts';

/** What a principal may do to a stream: feed it, follow it, change what serves it, pass others through to it. */
export type Verb = 'publish' | 'subscribe' | 'admin' | 'cluster';

/** Who a token belongs to, and what it allows. */
export interface Principal {
  readonly name: string;
  /** As `welcome` tells them. */
  readonly scopes: readonly string[];
  /** When the token ends (ms since 1970); absent: never. */
  readonly expires?: number;
  /** Asked for each message. What is not allowed answers like what does not exist. */
  may(verb: Verb, stream: string): boolean;
}

/**
 * Who a token belongs to.
 *
 * @param token of `auth` or the `Authorization` header; undefined where there was none
 * @throws FirtrendError `unauthorised`: no principal, or not with this token
 */
export type Authenticate = (token: string | undefined) => Promise<Principal>;

/** Everybody may do everything: where authentication is off. */
export const anyone: Principal = { name: 'anyone', scopes: ['*'], may: () => true };

/** The error of `Authenticate`. The sentence must not quote the token. */
export function unauthorised(sentence: string): FirtrendError {
  return new FirtrendError('unauthorised', sentence);
}
