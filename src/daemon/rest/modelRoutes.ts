import { z } from 'zod';
import { list, type ModelChange, modelNamePattern } from '../../model/repository.ts';
import { describeIssue } from '../../wire/describeIssue.ts';
import { type Answer, HttpError, jsonAnswer } from '../http/answer.ts';
import { jsonBody } from '../http/body.ts';
import type { ApiRequest, Audit, Route } from '../http/router.ts';
import type { Limits } from '../limits.ts';
import type { ModelStatus } from '../models/servedModels.ts';

export interface ModelPorts {
  /** The repository. */
  readonly models: string;
  readonly served: () => readonly ModelStatus[];
  /** Puts a version in force, once it has passed the gate and proven itself. @throws those of `loadModel`, `promote` */
  readonly promote: (name: string, version: number) => Promise<ModelChange>;
  /** Puts the version below in force, in the same way. */
  readonly rollback: (name: string) => Promise<ModelChange>;
  readonly limits: Limits;
  readonly audit: Audit;
}

const versionRule = 'a version, a whole number from 1 on';
const promoteSchema = z.strictObject({ version: z.int(versionRule).min(1, versionRule) });

/** `/v1/models`: what the repository holds, and which version is in force. For the scope `admin` alone. */
export function modelRoutes(ports: ModelPorts): Route[] {
  const { limits, audit } = ports;
  function changed(asked: ApiRequest, action: string, change: ModelChange): Answer {
    const { name, version, previous } = change;
    audit(asked, action, { name, version, previous });
    return jsonAnswer({ name, version, previous });
  }
  return [
    {
      path: '/v1/models',
      methods: {
        async GET({ principal }) {
          mustBeAdmin({ principal });
          return jsonAnswer({ models: await list(ports.models), served: ports.served() });
        },
      },
    },
    {
      path: '/v1/models/{name}/promote',
      methods: {
        async POST(asked) {
          mustBeAdmin(asked);
          const fields = await jsonBody(asked.request, {
            bytes: limits.controlBytes,
            depth: limits.jsonDepth,
          });
          const { data, error } = promoteSchema.safeParse(fields);
          if (data) return changed(asked, 'promote', await ports.promote(nameOf(asked), data.version));
          const { field, sentence } = describeIssue(error!.issues[0]!, fields);
          throw new HttpError(400, 'badMessage', sentence, { field });
        },
      },
    },
    {
      path: '/v1/models/{name}/rollback',
      methods: {
        async POST(asked) {
          mustBeAdmin(asked);
          return changed(asked, 'rollback', await ports.rollback(nameOf(asked)));
        },
      },
    },
  ];
}

function mustBeAdmin({ principal }: Pick<ApiRequest, 'principal'>): void {
  if (principal.may('admin', '')) return;
  throw new HttpError(403, 'forbidden', 'scope: expected admin, got a token without it');
}

function nameOf({ name }: ApiRequest): string {
  if (modelNamePattern.test(name)) return name;
  const rule = 'up to 64 of A-Z a-z 0-9 . _ - beginning with a letter or digit';
  throw new HttpError(400, 'badMessage', `name: expected ${rule}, got ${JSON.stringify(name.slice(0, 80))}`, {
    field: 'name',
  });
}
