import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { SamplesMessage } from '../../src/wire/clientMessages.ts';
import type { FrameMarks } from '../../src/wire/codec.ts';
import type { Subprotocol } from '../../src/wire/limits.ts';
import type { Hello, ServerControl, TrendRows, Welcome } from '../../src/wire/serverMessages.ts';
import { serverCodecs, trendMessage } from '../support/codecs.ts';
import { planesOf } from '../support/planes.ts';

export const hello: Hello = {
  type: 'hello',
  protocol: 'firtrend.v1',
  ping: { interval: 10_000, timeout: 5_000 },
  authRequired: false,
  limits: { message: 1_048_576, control: 65_536 },
};

export const welcome: Welcome = {
  type: 'welcome',
  principal: null,
  scopes: ['**'],
  expires: null,
  server: { name: 'fake', version: '0' },
  durability: 'memory',
  lossWindow: null,
  device: { provider: 'cpu', exact: true },
  fingerprint: 'none',
  limits: { message: 1_048_576, control: 65_536, rows: 65_536, channels: 1024 },
};

export interface ClientText {
  readonly type: string;
  readonly id: number;
  readonly [field: string]: unknown;
}

/** One scripted connection: what the client sent is taken in order, what is sent is said by the test. */
export interface Peer {
  readonly socket: WebSocket;
  /** The next message of the client but `alive`. */
  next(): Promise<ClientText>;
  /** How many messages wait to be taken. */
  readonly waiting: number;
  /** The `alive` messages so far. */
  readonly alive: ClientText[];
  send(...messages: ServerControl[]): void;
  trend(slot: number, rows: TrendRows, marks?: Partial<FrameMarks>): void;
}

export interface FakeServer {
  readonly url: string;
  /** The next connection, greeted as `greeting` says. */
  accept(greeting?: readonly ServerControl[]): Promise<Peer>;
  close(): Promise<void>;
}

/** @param subprotocol the one it speaks; by default the client's first choice */
export async function fakeServer(subprotocol?: Subprotocol, at = 0): Promise<FakeServer> {
  const server = new WebSocketServer({
    port: at,
    host: '127.0.0.1',
    handleProtocols: (asked) => subprotocol ?? [...asked][0]!,
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}/v1`,
    async accept(greeting = [hello, welcome]) {
      const [socket] = (await once(server, 'connection')) as [WebSocket];
      const made = peer(socket);
      made.send(...greeting);
      return made;
    },
    async close() {
      for (const socket of server.clients) socket.terminate();
      server.close();
      await once(server, 'close');
    },
  };
}

function peer(socket: WebSocket): Peer {
  const messages: ClientText[] = [];
  const takers: ((message: ClientText) => void)[] = [];
  const alive: ClientText[] = [];
  const codec = serverCodecs[socket.protocol as Subprotocol];
  socket.on('message', (data, isBinary) => {
    // Whatever the client sends must be what the schemas say.
    const parsed = codec.parseClientMessage(isBinary ? (data as Buffer) : String(data));
    const message = (
      isBinary
        ? asText(parsed as SamplesMessage, planesOf(parsed as SamplesMessage))
        : JSON.parse(String(data))
    ) as ClientText;
    if (message.type === 'alive') alive.push(message);
    else {
      const taker = takers.shift();
      if (taker) taker(message);
      else messages.push(message);
    }
  });
  return {
    socket,
    alive,
    get waiting() {
      return messages.length;
    },
    next() {
      const message = messages.shift();
      return message ? Promise.resolve(message) : new Promise((resolve) => takers.push(resolve));
    },
    send(...all) {
      for (const message of all) socket.send(codec.encodeServerMessage(message));
    },
    trend(slot, rows, marks) {
      socket.send(trendMessage(codec, slot, rows, marks));
    },
  };
}

/** Binary samples as JSON would have them. */
function asText({ values: _, overflow: __, ...head }: SamplesMessage, planes: Float32Array): object {
  const { rows, channels } = head;
  const values = Array.from({ length: channels }, (_, c) =>
    Array.from(planes.subarray(c * rows, (c + 1) * rows), (value) => (Number.isNaN(value) ? null : value)),
  );
  const { type, slot, seq, time, period } = head;
  return JSON.parse(JSON.stringify({ type, slot, seq, time, period, values }));
}
