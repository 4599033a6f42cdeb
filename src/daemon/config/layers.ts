import { dirname, resolve } from 'node:path';
import { nearest } from '../../dsp/error.ts';
import { fromText, isObject, located } from './fromText.ts';
import { configKeys } from './keys.ts';
import { ConfigError, problemsOf, unknownKey } from './problems.ts';
import { type ConfigFile, readConfigFile } from './readConfigFile.ts';
import { type Config, configSchema } from './schema.ts';

/** What is in force, and where each key has it from. */
export interface EffectiveConfig {
  readonly config: Config;
  /** By key: `default`, `file firtrend.yaml:12`, `environment FIRTREND_PORT` or `flag --port`. */
  readonly sources: ReadonlyMap<string, string>;
}

export interface Layers {
  /** The configuration file, if any. */
  readonly file?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** By the name of the key. */
  readonly flags: readonly { readonly name: string; readonly value: unknown; readonly flag: string }[];
}

/** The values given so far, by key; a later layer takes the place of an earlier one. */
type Given = Map<string, { readonly value: unknown; readonly source: string }>;

/**
 * Defaults < file < environment < flags, key by key; a list is one key.
 *
 * @throws ConfigError (`config`, or `usage` where only flags are wrong) that names every problem with its place;
 *   FirtrendError `configFile` where the file cannot be read
 */
export async function effectiveConfig(layers: Layers): Promise<EffectiveConfig> {
  const given: Given = new Map();
  const problems: string[] = [];
  const file = layers.file === undefined ? undefined : await readConfigFile(layers.file);
  if (file) takeFile(file, given, problems);
  takeEnvironment(layers.environment, given, problems);
  for (const { name, value, flag } of layers.flags) takeText(name, value, `flag ${flag}`, given, problems);
  const root = nested(given);
  const { data, error } = configSchema.safeParse(root);
  for (const issue of error?.issues ?? []) {
    problems.push(...problemsOf(issue, (path) => placeOf(path, given, file), root));
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const sources = new Map(configKeys.map(({ name }) => [name, given.get(name)?.source ?? 'default']));
  return { config: data!, sources };
}

/** What stands in the file under each key; what the schema does not know goes along, for it to complain of. */
function takeFile(file: ConfigFile, given: Given, problems: string[]): void {
  const folder = dirname(resolve(file.path));

  function take(values: Readonly<Record<string, unknown>>, above: readonly string[]): void {
    for (const [part, value] of Object.entries(values)) {
      // Nothing behind a key: as if it were not there.
      if (value === null) continue;
      const path = [...above, part];
      const name = path.join('.');
      const key = configKeys.find((known) => known.name === name);
      const holdsKeys = configKeys.some((known) => known.name.startsWith(`${name}.`));
      if (holdsKeys && isObject(value)) take(value, path);
      else
        given.set(name, {
          value: key ? located(key, value, folder) : value,
          source: `file ${file.at(path)}`,
        });
    }
  }

  if (isObject(file.values)) take(file.values, []);
  else if (file.values !== null)
    problems.push(`file ${file.path}: expected keys with values, got something else`);
}

/**
 * Variables of that name that are no keys: the file itself, the token of `tail` and `replay`, those of a checkout (setup, tests, benchmarks), and what
 * Kubernetes tells of a service `firtrend`.
 */
const otherVariables =
  /^FIRTREND_(CONFIG|TOKEN|CACHE|APT|PYTHON|INSTALLER_SECONDS|DOWNLOAD_SECONDS|MILESTONE|SEED|BENCH_.*|TEST_.*|SERVICE_.*|PORT_\d+_(TCP|UDP|SCTP).*)$/;
/** What Kubernetes puts into FIRTREND_PORT for a service of that name. */
const serviceAddress = /^(tcp|udp|sctp):\/\//;

function takeEnvironment(environment: Layers['environment'], given: Given, problems: string[]): void {
  const variables = configKeys.map(({ variable }) => variable);
  for (const [variable, value = ''] of Object.entries(environment)) {
    if (!variable.startsWith('FIRTREND_') || otherVariables.test(variable) || value === '') continue;
    if (variable === 'FIRTREND_PORT' && serviceAddress.test(value)) continue;
    const key = configKeys[variables.indexOf(variable)];
    if (key) takeText(key.name, value, `environment ${variable}`, given, problems);
    else
      problems.push(
        `environment ${variable}: unknown; did you mean ${nearest(variable, variables)[0] ?? variables[0]}?`,
      );
  }
}

function takeText(name: string, value: unknown, source: string, given: Given, problems: string[]): void {
  const key = configKeys.find((known) => known.name === name);
  if (!key) {
    problems.push(
      unknownKey(
        source,
        name,
        configKeys.map((known) => known.name),
      ),
    );
    return;
  }
  try {
    given.set(name, { value: typeof value === 'string' ? fromText(key, value) : value, source });
  } catch {
    // The parser's own message quotes the text, which may hold a secret.
    problems.push(`${source}: ${name}: expected ${key.rule} in YAML, got text that is no YAML`);
  }
}

/** The values as the object that the schema checks; its objects are always there, and it inherits nothing. */
function nested(given: Given): object {
  const root: Record<string, unknown> = Object.create(null);
  const put = (path: readonly string[], value: unknown): void => {
    let holder = root;
    for (const part of path.slice(0, -1)) {
      holder[part] ??= Object.create(null);
      // A value where the schema has keys: it will say so.
      if (!isObject(holder[part])) return;
      holder = holder[part];
    }
    if (value !== undefined) holder[path.at(-1)!] = value;
  };
  for (const { path } of configKeys) put(path, undefined);
  for (const [name, { value }] of given) put(name.split('.'), value);
  return root;
}

/** Where the value at `path` comes from; in a file, the line. */
function placeOf(path: readonly PropertyKey[], given: Given, file: ConfigFile | undefined): string {
  const name = path.map(String).join('.');
  const [, from] = [...given].find(([key]) => name === key || name.startsWith(`${key}.`)) ?? [];
  if (from === undefined) return 'config';
  return from.source.startsWith('file ') ? `file ${file!.at(path)}` : from.source;
}
