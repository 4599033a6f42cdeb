import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface CuttingProxy {
  /** In place of the daemon's. */
  readonly url: string;
  /** How many connections have come so far. */
  readonly accepted: number;
  /** Resets every connection there is, at once, whatever is on its way. */
  cut(): void;
  /** From now on bytes arrive nowhere, and nobody is told: a half-open connection. New ones pass. */
  swallow(): void;
}

/** A TCP proxy before a daemon, whose cable can be pulled; gone when the test is over. */
export async function cuttingProxy(url: string): Promise<CuttingProxy> {
  const { port } = new URL(url);
  let sockets: Socket[] = [];
  let accepted = 0;
  const server = createServer((near) => {
    accepted++;
    const far = connect(Number(port), '127.0.0.1');
    near.on('error', () => far.destroy()).on('close', () => far.destroy());
    far.on('error', () => near.destroy()).on('close', () => near.destroy());
    near.pipe(far);
    far.pipe(near);
    sockets.push(near, far);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
    sockets = [];
  };
  onTestFinished(() => {
    cut();
    server.close();
  });
  return {
    url: url.replace(port, String((server.address() as AddressInfo).port)),
    get accepted() {
      return accepted;
    },
    cut,
    swallow() {
      for (const socket of sockets) {
        socket.unpipe();
        socket.resume();
      }
    },
  };
}
