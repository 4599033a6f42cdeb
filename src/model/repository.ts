/**
 * The model repository: `DIR/NAME/VERSION/model.onnx`, versions 1, 2, 3 …, and `DIR/NAME/active`, which names the
 * version in force (without it, the lowest is). Everything appears by a rename, so a reader never sees half of it.
 */
import { link, mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FirtrendError, nearest } from '../dsp/error.ts';
import { errorCode, syncFolder, writeSynced } from './durable.ts';
import { readModel } from './gate.ts';
import { namesIn, placeVersion, temporaryName, versionPattern, versionsIn } from './versionFolder.ts';

/** The repository where none is named: `models` in the working directory. */
export const defaultModels = 'models';

/** The models that ship with the package this file belongs to, two folders up in `src/` and in `dist/` alike. */
const shippedModels: string = fileURLToPath(new URL('../../models', import.meta.url));

/** What a model is called in the repository; no path is built from anything else. */
export const modelNamePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** A model in the repository, or a file (`name` and `version` null). */
export interface FoundModel {
  readonly name: string | null;
  readonly version: number | null;
  /** Of `model.onnx`. */
  readonly path: string;
}

export interface PublishedModel extends FoundModel {
  readonly name: string;
  readonly version: number;
}

/** What promoting and rolling back did. */
export interface ModelChange extends PublishedModel {
  /** The version that was in force before. */
  readonly previous: number;
}

export interface RepositoryEntry {
  readonly name: string;
  /** Ascending, at least one. */
  readonly versions: readonly number[];
  /** The version in force. */
  readonly active: number;
}

/** Names of the models that ship with the package. */
export async function shipped(): Promise<string[]> {
  return (await list(shippedModels)).map(({ name }) => name);
}

/** All models of the repository by name; none where the folder is not there. */
export async function list(dir: string): Promise<RepositoryEntry[]> {
  const names = (await namesIn(dir)).filter((name) => modelNamePattern.test(name)).sort();
  const found = await Promise.all(names.map((name) => entry(dir, name)));
  return found.filter((model) => model !== undefined);
}

/**
 * Where the model is that `ref` means: `NAME` (the version in force) or `NAME@VERSION` in the repository, else a file.
 * What the default repository does not hold is looked for among the models that ship.
 * @throws FirtrendError `modelNotFound` with the nearest names; `modelActive` where `active` is damaged
 */
export async function resolve(dir: string, ref: string): Promise<FoundModel> {
  const at = ref.indexOf('@');
  const name = at < 0 ? ref : ref.slice(0, at);
  const places = dir === defaultModels ? [dir, shippedModels] : [dir];
  for (const place of modelNamePattern.test(name) ? places : []) {
    const model = await entry(place, name);
    if (model === undefined) continue;
    const wanted = at < 0 ? String(model.active) : ref.slice(at + 1);
    const version = model.versions.find((v) => String(v) === wanted);
    if (version === undefined) {
      const said = at < 0 ? `${join(place, name, 'active')} names version ${wanted}` : `version ${wanted}`;
      throw unknownVersion(name, said, model.versions);
    }
    return published(place, name, version);
  }
  if (!ref.includes('\0') && (/\/|\.onnx$/.test(ref) || (await isFile(ref))))
    return { name: null, version: null, path: ref };
  const others = dir === defaultModels ? await shipped() : [];
  throw await unknownModel(dir, ref, 'a file, NAME or NAME@VERSION', others);
}

async function unknownModel(
  dir: string,
  ref: string,
  expected: string,
  others: readonly string[] = [],
): Promise<FirtrendError> {
  const names = [...new Set([...(await list(dir)).map((known) => known.name), ...others])];
  const near = nearest(ref.replace(/@.*/s, ''), names);
  const there = names.length > 0 ? `there are: ${names.join(', ')}` : 'it holds none';
  const hint = near.length > 0 ? `did you mean ${near.join(' or ')}?` : there;
  return new FirtrendError(
    'modelNotFound',
    `model ${JSON.stringify(ref)}: expected ${expected} in ${dir}; ${hint}`,
  );
}

function unknownVersion(name: string, said: string, versions: readonly number[]): FirtrendError {
  return new FirtrendError(
    'modelNotFound',
    `model ${name}: ${said}, which is not there; expected one of ${versions.join(', ')}`,
  );
}

/**
 * Stores a model file, and beside it `report.html` where there is one, as the next version of `name`. The first version is in force at once, a later one when asked.
 * A crash at any moment leaves the repository as it was or with the whole new version.
 *
 * @throws FirtrendError `modelName`; the gate's `modelNotOnnx`, `modelRefused`: nothing is stored that it would refuse
 */
export async function publish(
  dir: string,
  name: string,
  bytes: Uint8Array,
  options: { readonly activate?: boolean; readonly report?: string } = {},
): Promise<PublishedModel> {
  checkName(name);
  readModel(bytes, `for ${name}`, { unordered: true, bias: true });
  const folder = join(dir, name);
  await mkdir(folder, { recursive: true });
  const { report } = options;
  const version = await placeVersion(folder, {
    'model.onnx': bytes,
    ...(report !== undefined && { 'report.html': report }),
  });
  await syncFolder(dir);
  if (options.activate === true) await promote(dir, name, version);
  else await activateLowest(folder);
  return published(dir, name, version);
}

/** Puts a version that is there in force, atomically. @throws FirtrendError `modelName`, `modelNotFound` */
export async function promote(dir: string, name: string, version: number): Promise<ModelChange> {
  const { versions, active } = await mustHave(dir, name);
  if (!versions.includes(version)) throw unknownVersion(name, `version ${version}`, versions);
  await activate(join(dir, name), version);
  return { ...published(dir, name, version), previous: active };
}

/**
 * Puts the version next below the one in force in force, atomically; also where the one in force is no longer there.
 * @throws FirtrendError `modelName`, `modelNotFound`, `modelOldest` where there is none below
 */
export async function rollback(dir: string, name: string): Promise<ModelChange> {
  const { active, below } = await versionBelow(dir, name);
  await activate(join(dir, name), below);
  return { ...published(dir, name, below), previous: active };
}

/** The version in force and the one next below it. @throws FirtrendError as `rollback` does */
export async function versionBelow(dir: string, name: string): Promise<{ active: number; below: number }> {
  const { versions, active } = await mustHave(dir, name);
  const below = versions.filter((version) => version < active).at(-1);
  if (below !== undefined) return { active, below };
  throw new FirtrendError(
    'modelOldest',
    `model ${name}: expected a version below ${active}, which is in force, got only ${versions.join(', ')}`,
  );
}

async function activate(folder: string, version: number): Promise<void> {
  const temporary = join(folder, temporaryName());
  await writeSynced(temporary, `${version}\n`);
  await rename(temporary, join(folder, 'active'));
  await syncFolder(folder);
}

async function mustHave(dir: string, name: string): Promise<RepositoryEntry> {
  checkName(name);
  const found = await entry(dir, name);
  if (found === undefined) throw await unknownModel(dir, name, 'NAME');
  return found;
}

function checkName(name: string): void {
  if (modelNamePattern.test(name)) return;
  const expected = modelNamePattern.source;
  throw new FirtrendError('modelName', `name: expected ${expected}, got ${JSON.stringify(name)}`);
}

function published(dir: string, name: string, version: number): PublishedModel {
  return { name, version, path: join(dir, name, String(version), 'model.onnx') };
}

async function entry(dir: string, name: string): Promise<RepositoryEntry | undefined> {
  const folder = join(dir, name);
  // In this order: what `active` names was there before, so a version published meanwhile is never missed.
  const named = await activeIn(folder);
  const versions = await versionsIn(folder);
  const [lowest] = versions;
  return lowest === undefined ? undefined : { name, versions, active: named ?? lowest };
}

async function activeIn(folder: string): Promise<number | undefined> {
  const path = join(folder, 'active');
  try {
    const text = (await readFile(path, 'utf8')).trim();
    if (versionPattern.test(text)) return Number(text);
    throw new FirtrendError(
      'modelActive',
      `${path}: expected a version number, got ${JSON.stringify(text.slice(0, 40))}`,
    );
  } catch (error) {
    // A file beside the models' folders is no model.
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Puts the lowest version in force where none was ever named: `link` never replaces what another process wrote. */
async function activateLowest(folder: string): Promise<void> {
  const [lowest] = await versionsIn(folder);
  const temporary = join(folder, temporaryName());
  await writeSynced(temporary, `${lowest}\n`);
  try {
    await link(temporary, join(folder, 'active'));
    await syncFolder(folder);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return false;
    throw error;
  }
}
