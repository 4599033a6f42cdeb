import { onTestFinished } from 'vitest';
import WebSocket, { type ClientOptions } from 'ws';

/** One message as it came, with the fields that tests look at. */
export interface RawMessage {
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at any field of any message
  readonly [field: string]: any;
}

/**
 * A client that knows nothing of the project's code: it speaks JSON over a WebSocket and keeps all that comes.
 * `alive` is answered only if asked to.
 */
export interface RawClient {
  readonly socket: WebSocket;
  readonly messages: RawMessage[];
  send(message: object): void;
  /** Sends a message with the next id and waits for what answers it. */
  ask(message: object): Promise<RawMessage>;
  /** The first message from now or before that fits; fails after 5 s. */
  until(fits: (message: RawMessage) => boolean): Promise<RawMessage>;
  /** The close code, when the connection has ended. */
  readonly closed: Promise<{ code: number; reason: string }>;
}

export interface RawOptions extends ClientOptions {
  /** Sent as the first message. */
  readonly token?: string;
}

export async function rawClient(url: string, { token, ...options }: RawOptions = {}): Promise<RawClient> {
  const socket = new WebSocket(url, 'firtrend.v1.json', options);
  onTestFinished(() => socket.terminate());
  const messages: RawMessage[] = [];
  const waiters = new Set<() => void>();
  socket.on('message', (data) => {
    messages.push(JSON.parse(String(data)) as RawMessage);
    for (const check of waiters) check();
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve).once('error', reject);
  });
  let id = 0;

  const client: RawClient = {
    socket,
    messages,
    closed,
    send: (message) => socket.send(JSON.stringify(message)),
    ask(message) {
      const mine = 'id' in message ? Number(message.id) : ++id;
      socket.send(JSON.stringify({ ...message, id: mine }));
      return client.until((reply) => reply.id === mine && reply.type !== 'added');
    },
    until(fits) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiters.delete(check);
          reject(
            new Error(`no such message came in 5 s; there were: ${JSON.stringify(messages).slice(0, 2000)}`),
          );
        }, 5000);
        const check = (): void => {
          const found = messages.find(fits);
          if (!found) return;
          clearTimeout(timer);
          waiters.delete(check);
          resolve(found);
        };
        waiters.add(check);
        check();
      });
    },
  };
  if (token !== undefined) client.send({ type: 'auth', id: id++, token });
  const first = await client.until(({ type }) => type === 'welcome' || type === 'error');
  if (first.type === 'error') throw new Error(JSON.stringify(first));
  return client;
}
