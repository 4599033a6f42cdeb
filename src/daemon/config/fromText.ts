import { resolve } from 'node:path';
import { parse } from 'yaml';
import type { ConfigKey } from './keys.ts';

/**
 * The value that an environment variable or a flag means by its text. What it cannot mean stays text, for the schema to
 * refuse.
 *
 * @throws where a list of objects is no YAML
 */
export function fromText(key: ConfigKey, text: string): unknown {
  switch (key.kind) {
    case 'number':
      return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
    case 'boolean':
      return text === 'true' || (text === 'false' ? false : text);
    case 'list':
      return text.split(',').map((part) => part.trim());
    case 'objects':
      return parse(text, { prettyErrors: false });
    case 'text':
    case 'path':
    case 'model':
    case 'log':
    case 'duration':
    case 'size':
      return text;
  }
}

/** The value of a key in a file in `folder`: relative paths are relative to it, also those in lists of objects. */
export function located(key: ConfigKey, value: unknown, folder: string): unknown {
  if (Array.isArray(value))
    return value.map((item: unknown) => (isObject(item) ? within(key, item, folder) : item));
  if (typeof value !== 'string') return value;
  if (key.kind === 'log' && value.startsWith('file:'))
    return `file:${resolve(folder, value.slice('file:'.length))}`;
  const isPath = key.kind === 'path' || (key.kind === 'model' && /\/|\.onnx$/.test(value));
  return isPath ? resolve(folder, value) : value;
}

function within(key: ConfigKey, item: Readonly<Record<string, unknown>>, folder: string): object {
  return Object.fromEntries(
    Object.entries(item).map(([name, value]) => {
      const field = key.fields.find((known) => known.name === name);
      return [name, field ? located(field, value, folder) : value];
    }),
  );
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
