import type { Welcome } from '../wire/serverMessages.ts';
import type { Connection } from './connection.ts';
import { type TokenSource, tokenOf } from './session.ts';

/** A token is renewed when a fifth of its life is left, but no earlier than this before its end (ms). */
const earliest = 60_000;
/** A timer can wait no longer (ms). */
const longestTimer = 2 ** 31 - 1;
/** Between attempts to renew (ms). */
const pause = 1000;

/**
 * Renews the token of a connection before it ends, where it comes from a function. One that cannot be had is asked for
 * again until the daemon closes with `tokenExpired`; the next connection then asks once more.
 */
export function renewal(source: TokenSource | undefined, renewed: (welcome: Welcome) => void) {
  let timer: ReturnType<typeof setTimeout> | undefined;

  function begin(connection: Connection, { expires }: Welcome): void {
    clearTimeout(timer);
    if (typeof source !== 'function' || expires === null) return;
    const left = expires - Date.now();
    plan(connection, Math.max(pause, left - Math.min(earliest, left / 5)));
  }

  function plan(connection: Connection, wait: number): void {
    // A refusal leaves the old token in force: what remains is to try again.
    timer = setTimeout(
      () => {
        if (wait > longestTimer) plan(connection, wait - longestTimer);
        else renew(connection).catch(() => !connection.ended && plan(connection, pause));
      },
      Math.min(wait, longestTimer),
    );
  }

  async function renew(connection: Connection): Promise<void> {
    const token = (await tokenOf(source))!;
    const welcome = await connection.request({ type: 'auth', token }, 'welcome', (reply) => reply);
    renewed(welcome);
    begin(connection, welcome);
  }

  return { begin, stop: () => clearTimeout(timer) };
}
