import { FirtrendError } from '../dsp/error.ts';
import { loadModel } from '../model/loadModel.ts';
import { authenticator } from './auth/authenticator.ts';
import { mustBeSafe } from './bind.ts';
import type { Config } from './config/schema.ts';
import { readCertificate } from './http/tls.ts';
import { wantedModels } from './models/rules.ts';

/** What of a valid configuration would keep a daemon from starting here: addresses, certificates, keys, models. */
export async function preflight(config: Config): Promise<string[]> {
  const attempts: (() => unknown)[] = [
    () => mustBeSafe(config),
    () => readCertificate(config.tls),
    () => authenticator(config.auth),
    ...wantedModels(config).map(
      ({ ref, allow }) =>
        () =>
          loadModel(ref, { models: config.models, allow }),
    ),
  ];
  const problems = new Set<string>();
  for (const attempt of attempts) {
    try {
      await attempt();
    } catch (error) {
      if (!(error instanceof FirtrendError)) throw error;
      problems.add(error.message);
    }
  }
  return [...problems];
}
