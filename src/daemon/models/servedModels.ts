import { lstat } from 'node:fs/promises';
import { FirtrendError } from '../../dsp/error.ts';
import { defaultMinCoverage } from '../../dsp/reference.ts';
import type { TrendFilter } from '../../filter/trendFilter.ts';
import { type LoadedModel, loadModel } from '../../model/loadModel.ts';
import { resolve } from '../../model/repository.ts';
import type { Config } from '../config/schema.ts';
import type { FilterBank } from '../ingest/filterBank.ts';
import type { FilterChoice } from '../ingest/step.ts';
import { misfit } from './misfit.ts';
import { settingsFor, type WantedModel, wantedKey, wantedModels } from './rules.ts';

type Rules = Pick<Config, 'models' | 'streams' | 'model' | 'allow'>;

/** What is told of a model in /readyz and in logs. */
export interface ModelStatus {
  /** As the configuration names it. */
  readonly model: string;
  /** What is in force. */
  readonly name: string;
  readonly version: number | null;
  /** Why a newer one is not: the one in force stays. */
  readonly problem: string | null;
}

/** The models in force, each loaded and proven, and which of them serves which stream. */
export interface ServedModels {
  /** Of the first model, or of a kernel that stands in for it where streams are raw only. */
  readonly fingerprint: string;
  /** Whether every plan in use has proven that its bits do not depend on cut and company. */
  readonly exact: boolean;
  /** What a stream is filtered with from now on, or why it is not. */
  choose(stream: string, channels: readonly string[], rate: number): FilterChoice;
  /** What serves a stream now, also where it does not fit the stream; undefined where nothing is meant to. */
  modelOf(stream: string): LoadedModel | undefined;
  /**
   * Looks whether other versions or files are meant now than those in force, and puts them in force once they have
   * passed the gate and proven themselves. One that does not is told in `status` and changes nothing; it is tried again
   * only when its file changes, or with `again`.
   *
   * @returns whether any stream may be served otherwise now
   */
  refresh(again?: boolean): Promise<boolean>;
  /**
   * Whether a version could take the place of the one in force everywhere it is served, or where it is not served, whether it passes the gate at
   * all. @throws those of `loadModel`, `filterProof`
   */
  tryOut(name: string, version: number): Promise<void>;
  /** Puts other rules in force, all or none. @throws those of `loadModel` */
  reconfigure(rules: Rules): Promise<void>;
  status(): readonly ModelStatus[];
}

/** A model in force. */
interface Served {
  readonly wanted: WantedModel;
  readonly model: LoadedModel;
  readonly filter: Exclude<FilterChoice, { readonly reason: string }>;
  readonly exact: boolean;
  /** Held, so that it stays loaded while no stream uses it. */
  readonly loaded: TrendFilter;
  /** What was tried last: the file as it was then. */
  tried: string;
  problem: string | null;
}

/** How long the kernel is that stands in for a model, so that the device is known and proven also without one. */
const standInTaps = 65;

/**
 * @param failed is told of a model that does not take the place of the one in force
 * @throws those of `loadModel`
 */
export async function servedModels(
  initial: Rules,
  bank: FilterBank,
  failed: (status: ModelStatus, error: unknown) => void,
): Promise<ServedModels> {
  let rules = initial;
  let served = await serveAll(rules, new Map());
  const taps = new Float32Array(standInTaps).fill(1 / standInTaps);
  const standIn = {
    kernels: [{ taps, bias: 0 }],
    sha256: 'none',
    minCoverage: defaultMinCoverage(standInTaps),
  };
  const fallback = served.size > 0 ? undefined : await bank.obtain(standIn);

  async function load(wanted: WantedModel, dir: string, tried: string): Promise<Served> {
    const model = await loadModel(wanted.ref, { models: dir, allow: wanted.allow });
    const kernels = model.kernels.map(({ taps, bias }) => ({ taps: Float32Array.from(taps), bias }));
    const { sha256, name, version, path } = model;
    const minCoverage = wanted.minCoverage ?? defaultMinCoverage(kernels[0]!.taps.length);
    const loaded = await bank.obtain({ kernels, sha256, minCoverage });
    const { fingerprint, exact } = loaded;
    const filter = { kernels, sha256, model: name ?? path, version: version ?? 0, minCoverage, fingerprint };
    return { wanted, model, filter, exact, loaded, tried, problem: null };
  }

  /** Those that are in force already stay as they are. */
  async function serveAll({ models, ...some }: Rules, before: ReadonlyMap<string, Served>) {
    const all = new Map<string, Served>();
    for (const wanted of wantedModels(some)) {
      const key = wantedKey(wanted);
      if (all.has(key)) continue;
      all.set(key, before.get(key) ?? (await load(wanted, models, await identity(models, wanted.ref))));
    }
    return all;
  }

  return {
    get fingerprint() {
      return [...served.values()][0]?.filter.fingerprint ?? fallback!.fingerprint;
    },
    get exact() {
      return [...served.values()].every(({ exact }) => exact) && (fallback?.exact ?? true);
    },

    choose(stream, channels, rate) {
      const { model: wanted, mayDiffer, reason } = settingsFor(rules, stream);
      if (!wanted) return { reason };
      const { model, filter } = served.get(wantedKey(wanted))!;
      const why = misfit(model, { channels, rate }, mayDiffer);
      return why === undefined ? filter : { reason: why };
    },

    modelOf(stream) {
      const { model: wanted } = settingsFor(rules, stream);
      return wanted && served.get(wantedKey(wanted))?.model;
    },

    async refresh(again = false) {
      let changed = false;
      for (const [key, held] of served) {
        const { wanted } = held;
        let now = '';
        try {
          now = await identity(rules.models, wanted.ref);
          if (now === held.tried && !(again && held.problem !== null)) continue;
          const next = await load(wanted, rules.models, now);
          served.set(key, next);
          changed ||= !sameModel(held, next);
        } catch (error) {
          held.tried = now;
          const problem = error instanceof Error ? error.message : String(error);
          if (held.problem === problem) continue;
          held.problem = problem;
          failed(statusOf(held), error);
        }
      }
      return changed;
    },

    async tryOut(name, version) {
      const following = wantedModels(rules).filter(({ ref }) => ref === name);
      const any: WantedModel = { ref: name, allow: { unordered: true, bias: true }, minCoverage: undefined };
      for (const wanted of following.length > 0 ? following : [any]) {
        await load({ ...wanted, ref: `${name}@${version}` }, rules.models, '');
      }
    },

    async reconfigure(next) {
      const sameFolder = next.models === rules.models;
      served = await serveAll(next, sameFolder ? served : new Map());
      rules = next;
    },

    status: () => [...served.values()].map(statusOf),
  };
}

function statusOf({ wanted, filter, model, problem }: Served): ModelStatus {
  return { model: wanted.ref, name: filter.model, version: model.version, problem };
}

function sameModel(a: Served, b: Served): boolean {
  return (
    a.filter.sha256 === b.filter.sha256 &&
    a.filter.model === b.filter.model &&
    a.filter.version === b.filter.version
  );
}

/** Which file `ref` means now, as it is now. @throws FirtrendError `modelNotFound`, `modelActive` */
async function identity(dir: string, ref: string): Promise<string> {
  const { path } = await resolve(dir, ref);
  const { ino, mtimeMs, size } = await lstat(path).catch((cause: NodeJS.ErrnoException) => {
    throw new FirtrendError('modelNotFound', `model ${path}: expected a readable file, got ${cause.code}`, {
      cause,
    });
  });
  return JSON.stringify([path, ino, mtimeMs, size]);
}
