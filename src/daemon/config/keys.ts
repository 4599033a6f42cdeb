import { z } from 'zod';
import { type KeyInfo, keyInfo } from './kinds.ts';
import { configSchema } from './schema.ts';

/** A key of the configuration: what the schema knows of it, found by walking the schema. */
export interface ConfigKey extends KeyInfo {
  /** `['limits', 'rows']` */
  readonly path: readonly string[];
  /** `limits.rows` */
  readonly name: string;
  /** `FIRTREND_LIMITS_ROWS` */
  readonly variable: string;
  /** Checks a value that was given. */
  readonly schema: z.ZodType;
  /** Its value where nobody gives one. */
  readonly fallback: unknown;
  /** Of a list of objects: the keys that each of them has. */
  readonly fields: readonly ConfigKey[];
}

/** The keys of an object, those of the objects in it included, in the order of the schema. */
function keysOf(object: z.ZodObject, above: readonly string[]): ConfigKey[] {
  return Object.entries<z.ZodType>(object.shape).flatMap(([name, schema]) => {
    const path = [...above, name];
    if (schema instanceof z.ZodObject) return keysOf(schema, path);
    const given = schema instanceof z.ZodDefault || schema instanceof z.ZodOptional ? inner(schema) : schema;
    const item = given instanceof z.ZodArray ? given.element : undefined;
    return {
      ...keyInfo.get(schema)!,
      path,
      name: path.join('.'),
      variable: `FIRTREND_${path.map((part) => part.replace(/[A-Z]/g, '_$&').toUpperCase()).join('_')}`,
      schema: given,
      fallback: schema.safeParse(undefined).data,
      fields: item instanceof z.ZodObject ? keysOf(item, []) : [],
    };
  });
}

function inner(schema: z.ZodDefault | z.ZodOptional): z.ZodType {
  return schema.def.innerType as z.ZodType;
}

/** Every key there is. */
export const configKeys: readonly ConfigKey[] = keysOf(configSchema, []);

/** The names a person may have meant by one that is unknown in the object at `path`. */
export function namesAt(path: readonly PropertyKey[]): string[] {
  const object = path.reduce<z.ZodType | undefined>((schema, part) => {
    if (schema === undefined) return undefined;
    const given = schema instanceof z.ZodDefault || schema instanceof z.ZodOptional ? inner(schema) : schema;
    if (given instanceof z.ZodArray) return given.element as z.ZodType;
    return given instanceof z.ZodObject ? (given.shape[String(part)] as z.ZodType | undefined) : undefined;
  }, configSchema);
  return object instanceof z.ZodObject ? Object.keys(object.shape) : [];
}
