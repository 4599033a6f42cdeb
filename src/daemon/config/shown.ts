import { Document, isCollection, isNode, type Pair, type Scalar } from 'yaml';
import { located } from './fromText.ts';
import { type ConfigKey, configKeys } from './keys.ts';
import type { EffectiveConfig } from './layers.ts';
import { formatDuration, formatSize } from './units.ts';

/** What stands in place of a secret. */
const hidden = '(hidden)';

/** A value as an operator writes it, secrets hidden; null where a key without a default is not set. */
function shown(key: ConfigKey, value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (key.secret === true) return hidden;
  if (key.kind === 'duration') return formatDuration(value as number);
  if (key.kind === 'size') return formatSize(value as number);
  if (key.kind !== 'objects') return value;
  return (value as readonly Record<string, unknown>[]).map((item) =>
    Object.fromEntries(
      key.fields
        .filter(({ name }) => item[name] !== undefined)
        .map((field) => [field.name, shown(field, item[field.name])]),
    ),
  );
}

/** The default of a key, as the reference shows it; undefined where there is none. */
export function shownDefault(key: ConfigKey): unknown {
  return key.fallback === undefined ? undefined : shown(key, key.fallback);
}

/** Everything that is in force as one object, secrets hidden, and where each key has it from. */
export function configAsJson({ config, sources }: EffectiveConfig): { config: object; sources: object } {
  const root: Record<string, unknown> = {};
  for (const key of configKeys) {
    const holder = key.path.slice(0, -1).reduce((at, part) => {
      at[part] ??= {};
      return at[part] as Record<string, unknown>;
    }, root);
    // Absolute, for a relative path would mean another file in a configuration that lies elsewhere.
    holder[key.path.at(-1)!] = located(key, shown(key, valueIn(config, key)), process.cwd());
  }
  return { config: root, sources: Object.fromEntries(sources) };
}

/** The same as a configuration file, which (but for its secrets) means the same when it is read. */
export function configAsYaml(effective: EffectiveConfig): string {
  const document = new Document(configAsJson(effective).config, { version: '1.2' });
  for (const key of configKeys) {
    const comment = ` ${effective.sources.get(key.name)}`;
    const holder = document.getIn(key.path.slice(0, -1));
    if (!isCollection(holder)) continue;
    const pair = (holder.items as Pair<Scalar<string>>[]).find(
      ({ key: name }) => name.value === key.path.at(-1),
    )!;
    if (isCollection(pair.value)) pair.key.commentBefore = comment;
    else if (isNode(pair.value)) pair.value.comment = comment;
  }
  return document.toString({ lineWidth: 0 });
}

function valueIn(config: object, key: ConfigKey): unknown {
  return key.path.reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], config);
}
