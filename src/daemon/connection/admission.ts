import { FirtrendError } from '../../dsp/error.ts';
import { closeCodes } from '../../wire/closeCodes.ts';
import { WireError } from '../../wire/wireError.ts';
import { type Authenticate, type Principal, unauthorised } from '../principal.ts';

export interface AdmissionOptions {
  readonly authenticate: Authenticate;
  /** How long it may take until a token comes (ms). */
  readonly timeoutMs: number;
  /** A token is good: the first one, or one that renews. */
  readonly admitted: (principal: Principal, id: number | undefined) => void;
  /** A token is refused: to be told, and the connection to be ended. */
  readonly refused: (error: WireError) => void;
  /** No token has come in time, or the last one has ended. */
  readonly end: (code: number, reason: string) => void;
  /** An error of ours. */
  readonly broken: (error: unknown) => void;
}

/** Who is at the other end of a connection, and for how long. */
export interface Admission {
  /** Undefined until a token has been found good. */
  readonly principal: Principal | undefined;
  /** Looks at a token. @param id of the `auth` it came with; undefined for one of the upgrade */
  admit(token: string | undefined, id: number | undefined): Promise<void>;
  stop(): void;
}

/** The longest that a timer can wait (ms). */
const longest = 2 ** 31 - 1;

export function admission(options: AdmissionOptions): Admission {
  let principal: Principal | undefined;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined = setTimeout(
    () =>
      options.end(closeCodes.authTimeout, `no auth within ${options.timeoutMs} ms (limits.authTimeoutMs)`),
    options.timeoutMs,
  );

  /** Ends the connection when the token does: by the monotonic clock from now on, whatever becomes of the other. */
  function expire(at: number): void {
    const left = at - performance.now();
    if (left <= 0) options.end(closeCodes.tokenExpired, 'the token has ended');
    else timer = setTimeout(() => expire(at), Math.min(left, longest));
  }

  async function admit(token: string | undefined, id: number | undefined): Promise<void> {
    // Looking at a token may take its time: that is not the client's. A token that is to be renewed goes on ending.
    if (!principal) clearTimeout(timer);
    const found = await options.authenticate(token);
    if (stopped) return;
    const left = found.expires === undefined ? undefined : found.expires - Date.now();
    if (left !== undefined && left <= 0)
      throw unauthorised('token: expected one that is valid, got one that has ended');
    clearTimeout(timer);
    principal = found;
    options.admitted(found, id);
    if (left !== undefined && !stopped) expire(performance.now() + left);
  }

  return {
    get principal() {
      return principal;
    },
    async admit(token, id) {
      try {
        await admit(token, id);
      } catch (error) {
        if (stopped) return;
        if (!(error instanceof FirtrendError) || error.code !== 'unauthorised') options.broken(error);
        else options.refused(refusal(error, id));
      }
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

function refusal({ message }: FirtrendError, id: number | undefined): WireError {
  return new WireError('unauthorised', message, { id, field: 'token', closeCode: closeCodes.unauthorised });
}
