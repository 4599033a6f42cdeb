import { z } from 'zod';
import type { SampleLog } from '../../log/sampleLog.ts';
import type { LoadedModel } from '../../model/loadModel.ts';
import { isPattern, isStreamName } from '../../wire/names.ts';
import type { StreamInfo } from '../../wire/serverMessages.ts';
import type { Connections } from '../connection/connections.ts';
import { HttpError, jsonAnswer } from '../http/answer.ts';
import type { ApiRequest, Audit, Route } from '../http/router.ts';
import type { History } from '../hub/history.ts';
import type { Hub } from '../hub/hub.ts';
import type { Incoming } from '../ingest/ingest.ts';
import type { FilterChoice } from '../ingest/step.ts';
import type { Limits } from '../limits.ts';
import type { Principal, Verb } from '../principal.ts';
import { historyAnswer } from './historyAnswer.ts';
import { kernelCard } from './kernelAnswer.ts';
import { deleteStream, publishSamples } from './publish.ts';
import { queryOf } from './query.ts';
import { turnstile } from './turnstile.ts';

export interface StreamPorts {
  readonly hub: Pick<Hub, 'streams'>;
  readonly history: History;
  readonly log: Pick<SampleLog, 'head'>;
  readonly clients: Pick<Connections, 'join'>;
  readonly ingest: (incoming: Incoming) => void;
  readonly choose: (stream: string, channels: readonly string[], rate: number) => FilterChoice;
  /** What `choose` chose, in full. */
  readonly modelOf: (stream: string) => LoadedModel | undefined;
  readonly freshEpoch: () => string;
  readonly overflow: (samples: number) => void;
  readonly limits: Limits;
  /** Whether samples are taken. */
  readonly open: () => boolean;
  /** Whether the log has no space left. */
  readonly logFull: () => boolean;
  readonly audit: Audit;
}

const patternRule = 'a pattern: a stream name whose parts may be *, the last one **';
const listQuery = z.strictObject({
  pattern: z.string().refine(isPattern, patternRule).optional(),
});

/** `/v1/streams`: what there is, what was, and samples from devices without WebSockets. */
export function streamRoutes(ports: StreamPorts): Route[] {
  const histories = turnstile('limits.historiesAtOnce', ports.limits.historiesAtOnce);
  const uploads = turnstile('limits.uploadsAtOnce', ports.limits.uploadsAtOnce);
  const visible = (principal: Principal, name: string): StreamInfo => seen(ports, principal, name);
  return [
    {
      path: '/v1/streams',
      methods: {
        GET({ query, principal }) {
          const { pattern = '**' } = queryOf(query, listQuery);
          return jsonAnswer({
            streams: ports.hub.streams(pattern, (name) => principal.may('subscribe', name)),
          });
        },
      },
    },
    {
      path: '/v1/streams/{name}/history',
      methods: {
        GET(asked) {
          const { name } = visible(asked.principal, nameOf(asked));
          return historyAnswer(name, asked.query, histories, ports);
        },
      },
    },
    {
      path: '/v1/streams/{name}/kernel',
      methods: {
        GET(asked) {
          const { name, rate, model, reason } = visible(asked.principal, nameOf(asked));
          const made = model === null ? undefined : ports.modelOf(name);
          if (made) return jsonAnswer(kernelCard(made, rate));
          throw new HttpError(404, 'notFound', `kernel: ${name} has none; ${reason}`);
        },
      },
    },
    {
      path: '/v1/streams/{name}/samples',
      methods: {
        async POST(asked) {
          const name = nameOf(asked);
          mustBeAllowed(asked.principal, 'publish', name);
          const leave = uploads.enter();
          try {
            return jsonAnswer(await publishSamples(name, asked.request, ports));
          } finally {
            leave();
          }
        },
      },
    },
    {
      path: '/v1/streams/{name}',
      methods: {
        GET: (asked) => jsonAnswer(visible(asked.principal, nameOf(asked))),
        async DELETE(asked) {
          const name = nameOf(asked);
          mustBeAllowed(asked.principal, 'admin', name);
          if (!(await deleteStream(name, ports))) throw unknown(name);
          ports.audit(asked, 'delete', { stream: name });
          return jsonAnswer({ deleted: name });
        },
      },
    },
  ];
}

function nameOf({ name }: ApiRequest): string {
  if (isStreamName(name)) return name;
  const rule = 'a stream name: 1 to 8 parts of A-Z a-z 0-9 . _ - joined by / (or %2F)';
  throw new HttpError(400, 'badMessage', `name: expected ${rule}, got ${JSON.stringify(name.slice(0, 80))}`, {
    field: 'name',
  });
}

/** Forbidden and unknown answer alike. */
function seen({ hub }: StreamPorts, principal: Principal, name: string): StreamInfo {
  const [found] = hub.streams(name, (each) => principal.may('subscribe', each));
  if (found) return found;
  throw unknown(name);
}

function unknown(name: string): HttpError {
  return new HttpError(404, 'notFound', `name: expected a stream there is, got ${name}`, { field: 'name' });
}

function mustBeAllowed(principal: Principal, verb: Verb, name: string): void {
  if (principal.may(verb, name)) return;
  throw new HttpError(403, 'forbidden', `scope: expected ${verb} for ${name}, got a token without it`);
}
