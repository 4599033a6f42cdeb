import { type ConnectionState, connect, type FirtrendClient, WireError } from '../client/client.ts';

/** What the page needs of the daemon that served it. */
export interface Daemon {
  readonly client: FirtrendClient;
  /** A request over REST, with the same token. @throws WireError with the code of the refusal */
  ask<T>(path: string, body?: object): Promise<T>;
  text(path: string): Promise<string>;
}

const stored = 'firtrend.token';

/** For this tab alone, and gone with it. */
export const tokens = {
  get: (): string | undefined => sessionStorage.getItem(stored) ?? undefined,
  set(token: string | undefined): void {
    if (token === undefined) sessionStorage.removeItem(stored);
    else sessionStorage.setItem(stored, token);
  },
};

/** The address of the daemon's WebSocket, and what commands are given as `--url`. */
export const address = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/v1`;

/** @throws WireError `unauthorised` where a token is missing or refused */
export async function reach(onState: (state: ConnectionState) => void): Promise<Daemon> {
  const token = tokens.get();
  const client = await connect(address, {
    // What a tab that falls behind may hold at most.
    maxQueue: 16 * 1024 * 1024,
    reconnect: { minDelay: 500, maxDelay: 10_000 },
    ...(token !== undefined && { token }),
  });
  client.onState(onState);
  onState(client.state);

  async function request(path: string, body?: object): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(path, {
        headers: {
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(body && { 'content-type': 'application/json' }),
        },
        ...(body && { method: 'POST', body: JSON.stringify(body) }),
      });
    } catch (cause) {
      throw new WireError('connectFailed', 'the daemon does not answer', { cause });
    }
    // 503 of /readyz is an answer too.
    if (response.ok || response.status === 503) return response;
    const { code = 'internal', message = `${response.status}` } = await response.json().catch(() => ({}));
    throw new WireError(code, message);
  }
  return {
    client,
    ask: async <T>(path: string, body?: object) => (await (await request(path, body)).json()) as T,
    text: async (path) => await (await request(path)).text(),
  };
}
