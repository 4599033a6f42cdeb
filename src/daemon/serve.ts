import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { Subject } from 'rxjs';
import { FirtrendError } from '../dsp/error.ts';
import { maxTaps } from '../dsp/kernel.ts';
import { chooseDevice, type DeviceRequest } from '../filter/device.ts';
import { memoryLog } from '../log/memoryLog.ts';
import type { SampleLog } from '../log/sampleLog.ts';
import type { Allowed } from '../model/gate.ts';
import { loadModel } from '../model/loadModel.ts';
import { closeCodes } from '../wire/closeCodes.ts';
import type { Hello } from '../wire/serverMessages.ts';
import { type Connections, connections } from './connection/connections.ts';
import { greeting } from './greeting.ts';
import { httpServer } from './http.ts';
import { history } from './hub/history.ts';
import { type Hub, hub } from './hub/hub.ts';
import { filterBank } from './ingest/filterBank.ts';
import { type Incoming, ingest, type Released } from './ingest/ingest.ts';
import { type Count, countNames, type Reply } from './ingest/step.ts';
import { trendMaker } from './ingest/trendMaker.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { modelChoice } from './modelChoice.ts';
import type { Authenticate } from './principal.ts';

export interface ServeOptions {
  readonly host: string;
  /** 0 is any free one. */
  readonly port: number;
  /** The model repository. */
  readonly models: string;
  /** A file, `NAME` or `NAME@VERSION`; without one streams carry raw samples only. */
  readonly model?: string | undefined;
  /** Which guarantees the model may lack; none by default. */
  readonly allow?: Allowed | undefined;
  readonly device: DeviceRequest;
  /** Serve on an address that is not loopback, without authentication. */
  readonly insecure?: boolean | undefined;
  /** How often `alive` goes, and how long beyond that silence is borne (ms). */
  readonly ping?: Hello['ping'] | undefined;
  /** Where raw samples go; a memory log by default. */
  readonly log?: SampleLog | undefined;
  /** How long clients have to leave by themselves when the daemon closes (ms); 0 by default. */
  readonly drainMs?: number | undefined;
  /** Bytes of samples the log may hold. */
  readonly retentionBytes?: number | undefined;
  /** What differs from `defaultLimits`. */
  readonly limits?: Partial<Limits> | undefined;
  /** Who a token belongs to; without it everybody may do everything. */
  readonly authenticate?: Authenticate | undefined;
  readonly version: string;
}

export interface Daemon {
  /** `ws://host:port/v1`. */
  readonly url: string;
  /** Rejects when the daemon can go on no more; never resolves. */
  readonly failed: Promise<never>;
  /** Tells the clients, finishes what is under way, and frees everything. */
  close(): Promise<void>;
}

const defaultPing = { interval: 10_000, timeout: 10_000 };
const defaultRetention = 256 * 1024 * 1024;
/** How often it is looked whether streams have fallen silent (ms). */
const silenceCheck = 250;
const loopback = new Set(['127.0.0.1', '::1', 'localhost']);

/**
 * Starts a daemon: everything it is made of meets here and nowhere else.
 *
 * @throws FirtrendError `insecureAddress`, `portInUse`, `listenFailed`, `deviceUnavailable`, and those of `loadModel`
 */
export async function serve(options: ServeOptions): Promise<Daemon> {
  const { host, port, ping = defaultPing, authenticate } = options;
  const limits: Limits = { ...defaultLimits, ...options.limits };
  if (!loopback.has(host) && options.insecure !== true) {
    const text = `host: expected a loopback address (127.0.0.1, ::1), got ${host}; there is no authentication yet: say --insecure to serve it to anyone`;
    throw new FirtrendError('insecureAddress', text);
  }
  const logger = pino({ base: null }, pino.destination({ dest: 2, sync: true }));
  const device = await chooseDevice(options.device);
  const model =
    options.model === undefined
      ? undefined
      : await loadModel(options.model, { models: options.models, allow: options.allow });
  const log = options.log ?? memoryLog();
  const bank = filterBank(device);
  const choice = await modelChoice(model, bank);

  // The one error door of work that nobody awaits: what goes wrong there ends the daemon.
  let ready = true;
  let broken = false;
  let reject: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, rejected) => {
    reject = rejected;
  });
  function fail(error: unknown): void {
    if (!broken) logger.fatal({ err: error }, 'the daemon can go on no more');
    broken = true;
    ready = false;
    clients.end(closeCodes.internal, 'the daemon can go on no more');
    reject(error);
  }
  // Whoever waits for it has the error; nobody has to.
  failed.catch(() => undefined);

  const counts = new Map<Count, number>(countNames.map((name) => [name, 0]));
  const count = (name: Count, by: number): void => {
    counts.set(name, counts.get(name)! + by);
  };
  const subscribers = hub({ log, history: history(log, bank), failed: fail });
  const incoming = new Subject<Incoming>();
  const retention = { maxBytes: options.retentionBytes ?? defaultRetention, keepSamples: maxTaps - 1 };
  const flow = new Promise<void>((resolve) => {
    incoming
      .pipe(ingest({ log, maker: trendMaker(log, bank), retention, maxStreams: limits.streams, count }))
      .subscribe({
        next: (batch) => {
          // What is thrown here would reach nobody: RxJS throws it again in a timer.
          try {
            release(batch, subscribers, clients);
          } catch (error) {
            fail(error);
          }
        },
        error: (error: unknown) => {
          fail(error);
          resolve();
        },
        complete: resolve,
      });
  });

  const { hello, welcome } = greeting({
    ping,
    authRequired: authenticate !== undefined,
    limits,
    version: options.version,
    log,
    device,
    choice,
  });
  const clients = connections({
    hello,
    welcome: () => welcome,
    limits,
    authenticate,
    hub: subscribers,
    ingest: (event) => incoming.next(event),
    choose: choice.choose,
    freshEpoch: () => randomBytes(8).toString('hex'),
    count,
    broken: (error) => logger.error({ err: error }, 'a connection is ended by an error of ours'),
  });
  const silence = setInterval(() => subscribers.tellSilence(), silenceCheck);
  const status = (): object => ({
    ready,
    device: welcome.device,
    fingerprint: welcome.fingerprint,
    durability: log.durability,
    model: model ? { name: model.name, version: model.version } : null,
    streams: log.streams().length,
    connections: clients.size,
    counts: Object.fromEntries(counts),
  });

  const { server, sockets } = httpServer({
    status,
    messageBytes: limits.messageBytes,
    connected: (socket, request) => clients.accept(socket, bearer(request)),
    ready: () => ready,
    socketFailed: (error) => logger.warn({ err: error }, 'a connection failed'),
  });
  const address = await listen(server, host, port).catch(async (error: unknown) => {
    await Promise.all([log.close(), bank.close()]);
    throw error;
  });
  const url = `ws://${host.includes(':') ? `[${host}]` : host}:${address.port}/v1`;
  logger.info({ url, ...status() }, 'listening');
  if (!model) logger.warn('no --model: streams carry raw samples only');

  return {
    url,
    failed,
    async close() {
      ready = false;
      server.close();
      incoming.complete();
      await flow;
      clearInterval(silence);
      await clients.drain(Date.now() + (options.drainMs ?? 0));
      await sockets.closed();
      server.closeAllConnections();
      await log.close();
      await bank.close();
    },
  };
}

/** Hands on what may leave now: to subscribers first, then answers to producers. */
function release(batch: readonly Released[], subscribers: Hub, clients: Connections): void {
  const replies: Reply[] = [];
  for (const released of batch) {
    if (released.type === 'made') subscribers.release(released.made);
    else replies.push(released.reply);
  }
  clients.reply(replies);
}

/** The token of `Authorization: Bearer TOKEN`. */
function bearer({ headers }: IncomingMessage): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
}

function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const code = cause.code === 'EADDRINUSE' ? 'portInUse' : 'listenFailed';
      const got = code === 'portInUse' ? `${port} is in use on ${host}` : cause.message;
      reject(new FirtrendError(code, `port: expected a free one (0 takes any), got: ${got}`, { cause }));
    });
    server.listen(port, host, () => resolve(server.address() as AddressInfo));
  });
}
