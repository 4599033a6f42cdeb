import type { Logger } from 'pino';
import type { ModelChange } from '../model/repository.ts';
import type { Authenticator } from './auth/authenticator.ts';
import type { Config } from './config/schema.ts';
import { type Connections, connections } from './connection/connections.ts';
import type { Core } from './core.ts';
import type { Greeting } from './greeting.ts';
import { api } from './http/api.ts';
import { addressOf, bearer } from './http/bearer.ts';
import { originPolicy } from './http/origins.ts';
import type { Audit } from './http/router.ts';
import { type HttpServer, httpServer } from './http/server.ts';
import type { Certificate } from './http/tls.ts';
import type { Metrics } from './metrics/metrics.ts';
import type { Authenticate } from './principal.ts';
import { dashboardRoutes } from './rest/dashboardRoutes.ts';
import { healthRoutes } from './rest/healthRoutes.ts';
import { modelRoutes } from './rest/modelRoutes.ts';
import { streamRoutes } from './rest/streamRoutes.ts';

export interface FrontOptions {
  /** As it is now. */
  readonly config: () => Config;
  readonly core: Core;
  /** A new random epoch. */
  readonly freshEpoch: () => string;
  /** Whether the log has no space left. */
  readonly logFull: () => boolean;
  readonly auth: Authenticator;
  readonly certificate: Certificate | undefined;
  readonly greeting: Greeting;
  readonly metrics: Metrics;
  readonly ready: () => boolean;
  /** Whether samples and WebSockets are taken. */
  readonly open: () => boolean;
  readonly status: () => object;
  readonly promote: (name: string, version: number) => Promise<ModelChange>;
  readonly rollback: (name: string) => Promise<ModelChange>;
  readonly logger: Logger;
}

/** All that the world sees of a daemon: one port with WebSockets and requests, and who may do what there. */
export interface Front {
  readonly clients: Connections;
  readonly server: HttpServer;
}

/** TCP connections for requests, beside the WebSockets. */
const forRequests = 1024;

export function front(options: FrontOptions): Front {
  const { core, auth, certificate, metrics, open, logger } = options;
  const { limits, host, insecure, models } = options.config();
  const { hub, history, log, served, hand } = core;
  const { freshEpoch, logFull } = options;
  const authenticate = auth.required ? watched(auth, metrics, logger) : undefined;
  const clients = connections({
    ...options.greeting,
    limits,
    authenticate,
    hub,
    ingest: hand,
    choose: served.choose,
    freshEpoch,
    logFull,
    count: metrics.count,
    broken: (error) => logger.error({ err: error }, 'a connection is ended by an error of ours'),
  });
  const origins = originPolicy(() => ({
    origins: options.config().origins,
    anyHost: auth.required || insecure,
    host,
    secure: certificate !== undefined,
  }));
  const audit: Audit = ({ principal, request }, action, what) =>
    logger.info({ principal: principal.name, address: addressOf(request), ...what }, `over REST: ${action}`);
  const routes = [
    ...dashboardRoutes(),
    ...healthRoutes({ ...options, metricsWithoutToken: () => options.config().metricsWithoutToken }),
    ...modelRoutes({ ...options, models, served: served.status, limits, audit }),
    ...streamRoutes({
      ...{ hub, history, log, clients, limits, open, logFull, freshEpoch, audit },
      ingest: hand,
      choose: served.choose,
      modelOf: served.modelOf,
      overflow: (samples) => metrics.count('overflowSamples', samples),
    }),
  ];
  const server = httpServer({
    ...{ certificate, origins, open },
    answer: api({
      ...{ routes, origins, authenticate },
      broken: (error) => logger.error({ err: error }, 'a request failed by an error of ours'),
      answered: metrics.requested,
    }),
    connected: (socket, request) =>
      clients.accept(socket, { address: addressOf(request), token: bearer(request) }),
    socketFailed: (error) => logger.warn({ err: error }, 'a connection failed'),
    messageBytes: limits.messageBytes,
    connections: limits.connections + forRequests,
  });
  return { clients, server };
}

/** Failed logins are counted and told; nothing of the token is. */
function watched(auth: Authenticator, metrics: Metrics, logger: Logger): (address: string) => Authenticate {
  return (address) => {
    const authenticate = auth.from(address);
    return async (token) => {
      try {
        const principal = await authenticate(token);
        logger.debug({ address, principal: principal.name }, 'a login');
        return principal;
      } catch (error) {
        metrics.loginFailed();
        logger.warn({ address, reason: (error as Error).message }, 'a login failed');
        throw error;
      }
    };
  };
}
