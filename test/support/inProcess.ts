import { randomBytes } from 'node:crypto';
import { Duplex } from 'node:stream';
import { type Connections, connections } from '../../src/daemon/connection/connections.ts';
import { core } from '../../src/daemon/core.ts';
import { greeting } from '../../src/daemon/greeting.ts';
import { retentionOf } from '../../src/daemon/openLog.ts';
import { serverSocket } from '../../src/daemon/webSocket/serverSocket.ts';
import { memoryLog } from '../../src/log/memoryLog.ts';
import { type DaemonOptions, testConfig } from './daemon.ts';

/** A client's end of a connection without a network: bytes go in, bytes come out. */
export interface Wire {
  /** What the client sends. */
  write(bytes: Buffer): void;
  /** The client is gone. */
  cut(): void;
  readonly ended: boolean;
}

export interface InProcessDaemon {
  /** How many are connected. */
  readonly size: number;
  /** @param sent called with all that the daemon sends */
  connect(protocol: string, sent: (bytes: Buffer) => void): Wire;
  close(): Promise<void>;
}

/**
 * Everything of a daemon that lies behind its port, in this process and without sockets of the system.
 *
 * @param broken called with each error that is the daemon's own
 */
export async function inProcessDaemon(
  { log = memoryLog(), ...options }: DaemonOptions,
  broken: (error: unknown) => void,
): Promise<InProcessDaemon> {
  const config = await testConfig(options);
  const device = { provider: 'cpu' } as const;
  const freshEpoch = (): string => randomBytes(8).toString('hex');
  const inside = await core({
    freshEpoch,
    retention: retentionOf(config, log),
    renewed: () => undefined,
    ...{ config, device, log, failed: broken, refused: (_, error) => broken(error) },
    rules: () => config,
    metrics: { count: () => undefined, took: () => undefined },
    reply: (replies) => clients.reply(replies),
  });
  const clients: Connections = connections({
    ...greeting({ ...config, authRequired: false, version: 'test', log, device, served: inside.served }),
    limits: config.limits,
    authenticate: undefined,
    hub: inside.hub,
    ingest: inside.hand,
    choose: inside.served.choose,
    freshEpoch,
    logFull: () => false,
    count: () => undefined,
    broken,
  });

  return {
    get size() {
      return clients.size;
    },
    connect(protocol, sent) {
      let ended = false;
      const stream = new Duplex({
        read: () => undefined,
        write(chunk: Buffer, _, done) {
          sent(chunk);
          done();
        },
        final(done) {
          ended = true;
          done();
        },
      });
      stream.on('error', broken);
      stream.on('close', () => {
        ended = true;
      });
      const { messageBytes: maxMessage } = config.limits;
      clients.accept(serverSocket({ protocol, stream, maxMessage, closeTimeout: 10 }), {
        address: 'here',
        token: undefined,
      });
      return {
        write: (bytes) => void stream.push(bytes),
        cut: () => void stream.destroy(),
        get ended() {
          return ended;
        },
      };
    },
    async close() {
      clients.end(4000, 'over');
      await inside.finish();
      await inside.close();
    },
  };
}

/** Takes apart what the daemon sends: each write is of whole frames. */
export function readFrames(bytes: Buffer, take: (opcode: number, payload: Buffer) => void): void {
  for (let at = 0; at < bytes.length; ) {
    if ((bytes[at]! & 0x70) !== 0) throw new Error('expected a frame without reserved bits');
    let length = bytes[at + 1]!;
    let head = 2;
    if (length === 126) {
      length = bytes.readUInt16BE(at + 2);
      head = 4;
    } else if (length === 127) {
      length = Number(bytes.readBigUInt64BE(at + 2));
      head = 10;
    }
    take(bytes[at]! & 15, bytes.subarray(at + head, at + head + length));
    at += head + length;
  }
}
