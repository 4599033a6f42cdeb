import type { Allowed } from '../../model/gate.ts';
import { matches } from '../../wire/names.ts';
import type { Config } from '../config/schema.ts';
import type { MayDiffer } from './misfit.ts';

/** A model as a rule asks for it. */
export interface WantedModel {
  /** A file, NAME (the version in force) or NAME@VERSION. */
  readonly ref: string;
  /** Which guarantees it may lack. */
  readonly allow: Allowed;
  /** Undefined: 1/(2K). */
  readonly minCoverage: number | undefined;
}

/** What the configuration says of one stream. */
export interface StreamSettings {
  /** Undefined: raw only. */
  readonly model: WantedModel | undefined;
  readonly mayDiffer: MayDiffer;
  /** Silence after which it is stale (ms); undefined: by its rate. */
  readonly stale: number | undefined;
  /** Why there is no model, where there is none. */
  readonly reason: string;
}

type Rules = Pick<Config, 'streams' | 'model' | 'allow'>;

/** Of the first rule whose `match` fits; of `model` where none does. */
export function settingsFor({ streams, model, allow }: Rules, stream: string): StreamSettings {
  const at = streams.findIndex(({ match }) => match.some((pattern) => matches(pattern, stream)));
  const rule = streams[at];
  if (!rule) {
    return {
      model: wanted(model, allow, undefined),
      mayDiffer: { rate: false, channels: false },
      stale: undefined,
      reason: 'noModel: the daemon was started without --model, and no rule of "streams" fits',
    };
  }
  return {
    model: wanted(rule.model, rule.allow, rule.minCoverage),
    mayDiffer: {
      rate: rule.allow.includes('rateMismatch'),
      channels: rule.allow.includes('channelMismatch'),
    },
    stale: rule.stale,
    reason: `noModel: the rule streams[${at}] (${rule.match.join(', ')}) names none`,
  };
}

/** Every model that some stream may be served by. */
export function wantedModels({ streams, model, allow }: Rules): WantedModel[] {
  return [
    wanted(model, allow, undefined),
    ...streams.map((rule) => wanted(rule.model, rule.allow, rule.minCoverage)),
  ].filter((each) => each !== undefined);
}

/** Two that are wanted in the same way have the same key. */
export function wantedKey({ ref, allow, minCoverage }: WantedModel): string {
  return JSON.stringify([ref, allow.unordered === true, allow.bias === true, minCoverage ?? null]);
}

function wanted(
  ref: string | undefined,
  allow: readonly string[],
  minCoverage: number | undefined,
): WantedModel | undefined {
  if (ref === undefined) return undefined;
  return {
    ref,
    allow: { unordered: allow.includes('unordered'), bias: allow.includes('bias') },
    minCoverage,
  };
}
