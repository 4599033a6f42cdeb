import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { jsonServerCodec } from '../../src/wire/jsonServerCodec.ts';
import type { Hello, ServerControl, TrendRows, Welcome } from '../../src/wire/serverMessages.ts';

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
  trend(slot: number, rows: TrendRows): void;
}

export interface FakeServer {
  readonly url: string;
  /** The next connection, greeted as `greeting` says. */
  accept(greeting?: readonly ServerControl[]): Promise<Peer>;
  close(): Promise<void>;
}

export async function fakeServer(): Promise<FakeServer> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
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
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as ClientText;
    // Whatever the client sends must be what the schemas say.
    jsonServerCodec.parseClientMessage(String(data));
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
      for (const message of all) socket.send(jsonServerCodec.encodeServerMessage(message));
    },
    trend(slot, rows) {
      socket.send(jsonServerCodec.encodeTrend(rows)(slot));
    },
  };
}
