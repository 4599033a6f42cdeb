import type { Logger } from 'pino';
import { exhaustMap, interval, type Subscription } from 'rxjs';
import { FirtrendError } from '../dsp/error.ts';
import { type ModelChange, promote, rollback, versionBelow } from '../model/repository.ts';
import { type Authenticator, authenticator as tryAuth } from './auth/authenticator.ts';
import { configKeys } from './config/keys.ts';
import type { Config } from './config/schema.ts';
import { asksForTokens } from './config/together.ts';
import { type Certificate, readCertificate } from './http/tls.ts';
import type { ServedModels } from './models/servedModels.ts';

export interface UpkeepPorts {
  readonly served: ServedModels;
  readonly auth: Authenticator;
  readonly setCertificate: (certificate: Certificate) => void;
  /** Streams may be served by another model now. */
  readonly modelsChanged: () => void;
  /** Whoever is connected may have lost its token. */
  readonly tokensChanged: () => void;
  readonly logger: Logger;
}

/** What of a daemon changes while it runs: configuration, models, keys, certificate. One change at a time. */
export interface Upkeep {
  /** What is in force. */
  readonly config: Config;
  readonly certificate: Certificate | undefined;
  /** Puts another configuration in force as far as that can be done while running. @throws: nothing has changed */
  reconfigure(next: Config): Promise<void>;
  promote(name: string, version: number): Promise<ModelChange>;
  rollback(name: string): Promise<ModelChange>;
  stop(): Promise<void>;
}

/** What takes effect at once; all else does at the next start. */
const live = [
  'auth',
  'origins',
  'streams',
  'model',
  'allow',
  'tls',
  'metricsWithoutToken',
  'logLevel',
] as const;

/**
 * Looks for changes each `watchInterval`. It asks for the state of the few files that are in use instead of having the
 * file system tell: that works on network file systems, through the links that Kubernetes swaps, and misses nothing.
 *
 * @param tls the certificate in use
 */
export function upkeep(initial: Config, tls: Certificate | undefined, ports: UpkeepPorts): Upkeep {
  const { served, auth, logger } = ports;
  let config = initial;
  let certificate = tls;
  let problem: string | undefined;
  let last: Promise<unknown> = Promise.resolve();

  function oneAtATime<T>(task: () => Promise<T>): Promise<T> {
    const mine = last.then(task);
    last = mine.catch(() => undefined);
    return mine;
  }

  async function lookAtModels(again: boolean): Promise<void> {
    if (!(await served.refresh(again))) return;
    logger.info({ models: served.status() }, 'another model is in force');
    ports.modelsChanged();
  }

  /** @throws FirtrendError `certificate`, `jwtKey`: what was in force stays */
  async function lookAtKeys(): Promise<void> {
    const found = await readCertificate(config.tls);
    if (found && certificate && !(found.cert.equals(certificate.cert) && found.key.equals(certificate.key))) {
      certificate = found;
      ports.setCertificate(found);
      logger.info('another certificate is in force');
    }
    if (await auth.reload(config.auth)) ports.tokensChanged();
  }

  async function look(): Promise<void> {
    await lookAtModels(false);
    try {
      await lookAtKeys();
      problem = undefined;
    } catch (error) {
      if (!(error instanceof FirtrendError)) throw error;
      // Once, not at each look.
      if (error.message !== problem) logger.error(`what was in force stays: ${error.message}`);
      problem = error.message;
    }
  }

  const looking: Subscription = interval(initial.watchInterval)
    .pipe(
      exhaustMap(() =>
        oneAtATime(look).catch((error: unknown) =>
          logger.error({ err: error }, 'looking for changes failed'),
        ),
      ),
    )
    .subscribe();

  return {
    get config() {
      return config;
    },
    get certificate() {
      return certificate;
    },

    reconfigure: (next) =>
      oneAtATime(async () => {
        mustStayAlike(config, next);
        // Everything is tried before anything changes.
        await readCertificate(next.tls);
        await tryAuth(next.auth);
        await served.reconfigure({ ...next, models: config.models });
        const needRestart = configKeys.filter(({ path }) => !isLive(path[0]!) && differs(config, next, path));
        config = { ...config, ...liveOf(next) };
        logger.level = config.logLevel;
        await lookAtKeys();
        await served.refresh(true);
        ports.modelsChanged();
        logger.info(
          {
            models: served.status(),
            ...(needRestart.length > 0 && { needRestart: needRestart.map(({ name }) => name) }),
          },
          'the configuration has been read again',
        );
      }),

    promote: (name, version) =>
      oneAtATime(async () => {
        await served.tryOut(name, version);
        const change = await promote(config.models, name, version);
        await lookAtModels(true);
        return change;
      }),

    rollback: (name) =>
      oneAtATime(async () => {
        const { below } = await versionBelow(config.models, name);
        await served.tryOut(name, below);
        const change = await rollback(config.models, name);
        await lookAtModels(true);
        return change;
      }),

    async stop() {
      looking.unsubscribe();
      await last;
    },
  };
}

function isLive(name: string): boolean {
  return live.some((each) => each === name);
}

function liveOf(config: Config): Pick<Config, (typeof live)[number]> {
  const { auth, origins, streams, model, allow, tls, metricsWithoutToken, logLevel } = config;
  return { auth, origins, streams, model, allow, tls, metricsWithoutToken, logLevel };
}

/** What every client has been told at its start cannot change under it. @throws FirtrendError `config` */
function mustStayAlike(now: Config, next: Config): void {
  const alike = {
    auth: asksForTokens(next) === asksForTokens(now),
    tls: (next.tls.cert === undefined) === (now.tls.cert === undefined),
  };
  for (const [name, same] of Object.entries(alike)) {
    if (same) continue;
    const text = `${name}: expected it to stay on or off while the daemon runs, got the other; start the daemon again`;
    throw new FirtrendError('config', text);
  }
}

function differs(a: Config, b: Config, path: readonly string[]): boolean {
  const at = (config: object): unknown =>
    path.reduce<unknown>((value, part) => (value as Record<string, unknown>)[part], config);
  return JSON.stringify(at(a)) !== JSON.stringify(at(b));
}
