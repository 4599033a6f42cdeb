import { randomBytes, X509Certificate } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { type Logger, pino } from 'pino';
import { FirtrendError } from '../dsp/error.ts';
import { chooseDevice } from '../filter/device.ts';
import type { SampleLog } from '../log/sampleLog.ts';
import { closeCodes } from '../wire/closeCodes.ts';
import { type Authenticator, authenticator } from './auth/authenticator.ts';
import { isLoopback, mustBeSafe } from './bind.ts';
import type { Config } from './config/schema.ts';
import { core } from './core.ts';
import { errorDoor } from './errorDoor.ts';
import { type Front, front } from './front.ts';
import { greeting } from './greeting.ts';
import { readCertificate } from './http/tls.ts';
import { metrics } from './metrics/metrics.ts';
import { openLog, retentionOf } from './openLog.ts';
import { upkeep } from './upkeep.ts';

export interface ServeOptions {
  readonly config: Config;
  /** Reads the configuration again, for `reload`. */
  readonly readConfig?: (() => Promise<Config>) | undefined;
  /** Where raw samples go; by default what the configuration says. */
  readonly log?: SampleLog | undefined;
  /** Who clients are; by default what the configuration says. */
  readonly auth?: Authenticator | undefined;
  readonly version: string;
}

export interface Daemon {
  /** `ws://host:port/v1`, with TLS `wss://…`. */
  readonly url: string;
  /** Rejects when the daemon can go on no more; never resolves. */
  readonly failed: Promise<never>;
  /** Reads configuration, models, keys and certificate again. What is wrong is logged, and changes nothing. */
  reload(): Promise<void>;
  /** Tells the clients, finishes what is under way within `drainTimeout`, and frees everything. */
  close(): Promise<void>;
}

/** Further behind than this (ms) it is not ready. */
const readyLag = 5000;
/** What answers under way get beyond the time clients have to leave (ms). */
const grace = 1000;

/**
 * Starts a daemon: `core` is what becomes of samples, `front` what the world sees, `upkeep` what changes meanwhile.
 *
 * @throws FirtrendError `insecureAddress`, `portInUse`, `listenFailed`, `deviceUnavailable`, `certificate`, `jwtKey`, and
 *   those of `loadModel`
 */
export async function serve(options: ServeOptions): Promise<Daemon> {
  const { version, config, readConfig = async () => config } = options;
  mustBeSafe(config);
  const logger = pino({ base: null, level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
  const certificate = await readCertificate(config.tls);
  const auth = options.auth ?? (await authenticator(config.auth));
  const device = await chooseDevice(config.device);
  /** Undefined while the daemon starts: the disk may fail or be full by then. */
  let clients: Front['clients'] | undefined;
  let logFull = false;
  let closing: Promise<void> | undefined;
  const door = errorDoor((error) => {
    logger.fatal({ err: error }, 'the daemon can go on no more');
    clients?.end(closeCodes.internal, 'the daemon can go on no more');
  });
  const log = options.log ?? (await openLog(config, { full: spaceChanged, broken: door.fail }));

  const open = (): boolean => closing === undefined && !door.broken;
  const ready = (): boolean => open() && !logFull && inside.lag() < readyLag;
  const told = metrics({
    connections: () => outside.clients.size,
    slowConnections: () => outside.clients.slow,
    streams: () => log.streams().length,
    ready,
    lag: () => inside.lag(),
    log: () => ({ bytes: log.bytes, full: logFull }),
    modelProblems: () => inside.served.status().filter(({ problem }) => problem !== null).length,
    certificateEnds: () => certificateEnd(kept.certificate?.cert),
    info: () => ({ version, provider: device.provider, exact: inside.served.exact }),
  });

  const freshEpoch = (): string => randomBytes(8).toString('hex');
  const inside = await core({
    ...{ config, device, log, freshEpoch, metrics: told, failed: door.fail },
    retention: retentionOf(config, log),
    rules: () => kept.config,
    reply: (replies) => outside.clients.reply(replies),
    // Of a refusal the sentence says all; of an error of ours the stack is wanted.
    refused: (status, error) =>
      logger.error(
        { ...status, ...(!(error instanceof FirtrendError) && { err: error }) },
        'a model is refused; the one in force stays',
      ),
    renewed: (streams) =>
      logger.warn(
        { streams: streams.length, such: streams.slice(0, 5) },
        'the log cannot prove that it holds all that was acknowledged: these streams begin a new epoch',
      ),
  }).catch(async (error: unknown) => {
    await log.close();
    throw error;
  });
  const kept = upkeep(config, certificate, {
    ...{ served: inside.served, auth, logger },
    setCertificate: (next) => outside.server.setCertificate(next),
    modelsChanged() {
      told.modelsChanged();
      inside.swapAll();
    },
    tokensChanged: () => outside.clients.recheck(auth.stands),
  });
  const status = (): object => ({
    device: { ...device, exact: inside.served.exact },
    fingerprint: inside.served.fingerprint,
    models: inside.served.status(),
    log: { durability: log.durability, bytes: log.bytes, full: logFull },
    lag: Math.round(inside.lag()),
    streams: log.streams().length,
    connections: outside.clients.size,
    slowConnections: outside.clients.slow,
    counts: told.counts(),
  });
  const outside = front({
    ...{ core: inside, freshEpoch, auth, certificate, metrics: told, ready, open, status, logger },
    logFull: () => logFull,
    config: () => kept.config,
    greeting: greeting({
      ...config,
      authRequired: auth.required,
      version,
      log,
      device,
      served: inside.served,
    }),
    promote: kept.promote,
    rollback: kept.rollback,
  });

  clients = outside.clients;

  function spaceChanged(full: boolean): void {
    logFull = full;
    if (full) {
      logger.error('no space is left for the log: nothing is acknowledged until there is');
      clients?.logFull();
    } else logger.info('there is space for the log again');
  }

  async function end(): Promise<void> {
    const deadline = performance.now() + config.drainTimeout;
    await kept.stop();
    await outside.clients.drain(Date.now() + config.drainTimeout);
    // What waits for space on the disk has waited long enough: nobody was told that it is held.
    await Promise.race([inside.finish(), passed(deadline + grace)]);
    outside.clients.end(closeCodes.draining, 'the daemon is closing');
    await outside.server.close(deadline + grace);
    await inside.close();
  }

  const { port } = await outside.server.listen(config.host, config.port).catch(async (error: unknown) => {
    await kept.stop();
    await inside.finish();
    await inside.close();
    throw error;
  });
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;
  const url = `${certificate ? 'wss' : 'ws'}://${host}:${port}/v1`;
  logger.info({ url, ...status() }, 'listening');
  warn(config, auth, logger);

  return {
    url,
    failed: door.failed,
    async reload() {
      try {
        await kept.reconfigure(await readConfig());
        told.reloaded('taken');
      } catch (error) {
        told.reloaded('refused');
        if (!(error instanceof FirtrendError)) throw error;
        logger.error(
          { problems: error.message.split('\n') },
          'the configuration is refused; what was in force stays',
        );
      }
    },
    close() {
      closing ??= end();
      return closing;
    },
  };
}

/** What an operator should hear of at the start. */
function warn(config: Config, auth: Authenticator, logger: Logger): void {
  if (config.model === undefined && config.streams.length === 0) {
    logger.warn('no --model: streams carry raw samples only');
  }
  if (auth.required && config.tls.cert === undefined && !isLoopback(config.host)) {
    logger.warn('no TLS: tokens travel in the clear unless something in front of the daemon speaks it');
  }
  if (config.insecure && !auth.required)
    logger.warn('--insecure: whoever reaches this address may do everything');
}

function certificateEnd(cert: Buffer | undefined): number | undefined {
  return cert && Date.parse(new X509Certificate(cert).validTo);
}

/** Resolves at a time of the monotonic clock (ms), and keeps no process alive. */
function passed(deadline: number): Promise<void> {
  return setTimeout(Math.max(0, deadline - performance.now()), undefined, { ref: false });
}
