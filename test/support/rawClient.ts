import { onTestFinished } from 'vitest';
import WebSocket from 'ws';
import { binarySamples, binaryTrend, type FrameFields } from './rawFrames.ts';

/** One message as it came, with the fields that tests look at. */
export interface RawMessage {
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at any field of any message
  readonly [field: string]: any;
}

export type RawSubprotocol = 'firtrend.v1.json' | 'firtrend.v1.bin';

/**
 * A client that knows nothing of the project's code: it speaks JSON (or binary frames, shown in the shape of JSON) over
 * a WebSocket and keeps all that comes. `alive` is answered only if asked to.
 */
export interface RawClient {
  readonly socket: WebSocket;
  readonly messages: RawMessage[];
  send(message: object): void;
  /** Sends a frame in the form of the subprotocol. */
  samples(frame: FrameFields): void;
  /** Sends a message with the next id and waits for what answers it. */
  ask(message: object): Promise<RawMessage>;
  /** The first message from now or before that fits; fails after 5 s. */
  until(fits: (message: RawMessage) => boolean, seconds?: number): Promise<RawMessage>;
  /** The close code, when the connection has ended. */
  readonly closed: Promise<{ code: number; reason: string }>;
}

export interface RawClientOptions {
  readonly subprotocol?: RawSubprotocol;
  readonly headers?: Readonly<Record<string, string>>;
  /** What a certificate may be signed by. */
  readonly ca?: Buffer[];
  /** Sent by `auth`. */
  readonly token?: string;
  /** Which message is awaited before the client is handed out; `welcome` by default. */
  readonly first?: 'welcome' | 'hello' | 'nothing';
  /** Whether `alive` is sent, each so many ms. */
  readonly alive?: number;
}

export async function rawClient(url: string, options: RawClientOptions = {}): Promise<RawClient> {
  const { subprotocol = 'firtrend.v1.json', headers, ca, token, first = 'welcome', alive } = options;
  const socket = new WebSocket(url, subprotocol, { headers, ca, perMessageDeflate: false });
  onTestFinished(() => socket.terminate());
  const messages: RawMessage[] = [];
  const waiters = new Set<() => void>();
  socket.on('message', (data, isBinary) => {
    messages.push(isBinary ? binaryTrend(data as Buffer) : (JSON.parse(String(data)) as RawMessage));
    for (const check of waiters) check();
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve).once('error', reject);
  });
  // A daemon that is gone shows in `closed`.
  socket.on('error', () => undefined);
  if (alive !== undefined) {
    const timer = setInterval(() => socket.send('{"type":"alive","t":0}'), alive);
    socket.on('close', () => clearInterval(timer));
  }
  let id = 0;

  const client: RawClient = {
    socket,
    messages,
    closed,
    send: (message) => socket.send(JSON.stringify(message)),
    samples: (frame) =>
      subprotocol === 'firtrend.v1.bin' ? socket.send(binarySamples(frame)) : socket.send(samplesText(frame)),
    ask(message) {
      const mine = 'id' in message ? Number(message.id) : ++id;
      socket.send(JSON.stringify({ ...message, id: mine }));
      return client.until((reply) => reply.id === mine && reply.type !== 'added');
    },
    until(fits, seconds = 5) {
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiters.delete(check);
          const there = JSON.stringify(messages.slice(-40)).slice(-2000);
          reject(new Error(`no such message came in ${seconds} s; the last ones were: ${there}`));
        }, seconds * 1000);
        // What has been looked at once need not be again.
        let looked = 0;
        const check = (): void => {
          for (; looked < messages.length; looked++) {
            const message = messages[looked]!;
            if (!fits(message)) continue;
            clearTimeout(timer);
            waiters.delete(check);
            resolve(message);
            return;
          }
        };
        waiters.add(check);
        check();
      });
    },
  };
  if (token !== undefined) client.send({ type: 'auth', id: id++, token });
  if (first === 'nothing') return client;
  const came = await client.until(({ type }) => type === first || type === 'error');
  if (came.type === 'error') throw new Error(JSON.stringify(came));
  return client;
}

/** JSON.stringify has no -0. */
function samplesText({ values, ...head }: FrameFields): string {
  const planes = values.map((plane) => `[${plane.map((v) => (Object.is(v, -0) ? '-0' : String(v))).join()}]`);
  return `${JSON.stringify({ type: 'samples', ...head }).slice(0, -1)},"values":[${planes.join()}]}`;
}
