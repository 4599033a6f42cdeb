import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** TCP between clients and a daemon, and what can become of it. */
export interface TcpProxy {
  /** As `url`, but through the proxy. */
  readonly url: string;
  /** Where new connections go from now on. */
  target(url: string): void;
  /** When each connection came (`performance.now()`). */
  readonly arrivals: readonly number[];
  /** Passes nothing on any more, either way, and says nothing of it: cables are cut. */
  freeze(): void;
  /** Resets every connection there is; new ones are taken. */
  cut(): void;
}

export async function proxyTo(url: string): Promise<TcpProxy> {
  let { port, hostname, pathname } = new URL(url);
  const sockets = new Set<Socket>();
  const arrivals: number[] = [];
  let frozen = false;
  const keep = (socket: Socket): void => {
    sockets.add(socket.setNoDelay());
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer({ allowHalfOpen: true }, (inner) => {
    arrivals.push(performance.now());
    const outer = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      keep(from);
      from.on('data', (chunk) => {
        if (!frozen && !to.destroyed) to.write(chunk);
      });
      from.on('close', () => {
        if (!frozen) to.destroy();
      });
      from.on('end', () => {
        if (!frozen) to.end();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  onTestFinished(() => {
    cut();
    server.close();
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`,
    arrivals,
    target(next) {
      ({ port, hostname, pathname } = new URL(next));
    },
    freeze() {
      frozen = true;
    },
    cut,
  };
}
