import { z } from 'zod';
import { logPlace } from '../../log/logPlace.ts';
import { parseDuration, parseSize } from './units.ts';

/** How the text of an environment variable or a flag becomes a value, and how a value is shown. */
type Kind =
  | 'text'
  /** A file or folder; in the configuration file relative to the file. */
  | 'path'
  /** NAME, NAME@VERSION, or a path. */
  | 'model'
  /** `memory`, `file` or `file:DIR`. */
  | 'log'
  | 'number'
  | 'boolean'
  /** Milliseconds. */
  | 'duration'
  /** Bytes. */
  | 'size'
  /** Texts; joined by commas outside the file. */
  | 'list'
  /** Objects; YAML outside the file. */
  | 'objects';

export interface KeyInfo {
  readonly kind: Kind;
  /** What it does, for the reference and for --help. */
  readonly about: string;
  /** What a value has to be: the words after "expected" in messages. */
  readonly rule: string;
  /** Never shown: neither by `config print` nor in a message. */
  readonly secret?: boolean;
}

/** What is known of each key of the configuration beside its check. */
export const keyInfo = z.registry<KeyInfo>();

function key<S extends z.ZodType>(schema: S, info: KeyInfo): S {
  keyInfo.add(schema, info);
  return schema;
}

/** Adds a default, and what is known of the key. */
export function withDefault<S extends z.ZodType>(schema: S, value: z.output<S>): z.ZodDefault<S> {
  const info = keyInfo.get(schema)!;
  // The default is one of the schema's own output, which the types of zod cannot say of a generic one.
  return key(schema.default(value as never), info) as unknown as z.ZodDefault<S>;
}

/** Keys that belong together; in the configuration they are always there. */
export function group<S extends z.core.$ZodLooseShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape, 'keys with values');
}

/** A group whose keys all have a default. */
export function withDefaults<T extends object>(
  values: T,
  schemas: { readonly [K in keyof T]: z.ZodType<T[K]> },
): z.ZodObject<{ [K in keyof T]: z.ZodDefault<z.ZodType<T[K]>> }, z.core.$strict> {
  const shape = Object.entries<z.ZodType>(schemas).map(([name, schema]) => [
    name,
    withDefault(schema, values[name as keyof T]),
  ]);
  // Entry by entry it is what the type says; `fromEntries` forgets the names.
  return group(Object.fromEntries(shape)) as never;
}

export function optional<S extends z.ZodType>(schema: S): z.ZodOptional<S> {
  return key(schema.optional(), keyInfo.get(schema)!) as z.ZodOptional<S>;
}

export function text(
  rule: string,
  about: string,
  fits: (value: string) => boolean = (value) => value !== '',
) {
  return key(z.string(rule).refine(fits, rule), { kind: 'text', rule, about });
}

/** Text that is never shown. */
export function secret(rule: string, about: string, pattern: RegExp) {
  return key(z.string(rule).regex(pattern, rule), { kind: 'text', rule, about, secret: true });
}

export function path(about: string) {
  const rule = 'a path';
  return key(z.string(rule).min(1, rule), { kind: 'path', rule, about });
}

export function modelReference(about: string) {
  const rule = 'NAME, NAME@VERSION or a file';
  return key(z.string(rule).min(1, rule), { kind: 'model', rule, about });
}

/** Where the log lies. */
export function log(about: string) {
  const rule = 'memory, file or file:DIR';
  return key(
    z.string(rule).refine((text) => logPlace(text) !== undefined, rule),
    { kind: 'log', rule, about },
  );
}

export function choice<const T extends readonly [string, ...string[]]>(values: T, about: string) {
  const rule = values.join(', ');
  return key(z.enum(values, rule), { kind: 'text', rule, about });
}

export function flag(about: string) {
  const rule = 'true or false';
  return key(z.boolean(rule), { kind: 'boolean', rule, about });
}

export function whole(from: number, to: number, about: string) {
  const rule = `a whole number from ${from} to ${to}`;
  return key(z.int(rule).min(from, rule).max(to, rule), { kind: 'number', rule, about });
}

export function number(from: number, to: number, about: string, rule = `a number from ${from} to ${to}`) {
  return key(z.number(rule).min(from, rule).max(to, rule), { kind: 'number', rule, about });
}

/** @param from milliseconds @param to milliseconds */
export function duration(from: string, to: string, about: string) {
  const rule = `a duration from ${from} to ${to}`;
  return key(measured(parseDuration, parseDuration(from), parseDuration(to), rule), {
    kind: 'duration',
    rule,
    about,
  });
}

export function size(from: string, to: string, about: string) {
  const rule = `a size from ${from} to ${to}`;
  return key(measured(parseSize, parseSize(from), parseSize(to), rule), { kind: 'size', rule, about });
}

function measured(parse: (value: string | number) => number, from: number, to: number, rule: string) {
  return z.union([z.number(), z.string()], rule).transform((value, context) => {
    const measure = parse(value);
    if (measure >= from && measure <= to) return measure;
    context.addIssue({ code: 'custom', message: rule });
    return z.NEVER;
  });
}

/** Different texts. A single one may stand without brackets. */
export function list<S extends z.ZodType<string>>(item: S, rule: string, about: string) {
  const many = z
    .array(item, rule)
    .refine((values) => new Set(values).size === values.length, `${rule}, each once`);
  return key(
    z.preprocess((value) => (typeof value === 'string' ? [value] : value), many),
    {
      kind: 'list',
      rule,
      about,
    },
  );
}

/** Objects of one shape; the keys of an object are keys of the configuration too. */
export function objects<S extends z.ZodObject>(item: S, rule: string, about: string) {
  return key(z.array(item, rule), { kind: 'objects', rule, about });
}
