import { z } from 'zod';
import { nearest } from '../../dsp/error.ts';
import { describeIssue } from '../../wire/describeIssue.ts';
import { HttpError } from '../http/answer.ts';

/**
 * The query of a request by its schema: every value is text, each name may come once, unknown names are errors.
 *
 * @throws HttpError 400 that names the field
 */
export function queryOf<S extends z.ZodObject>(query: URLSearchParams, schema: S): z.output<S> {
  const given: Record<string, string> = {};
  for (const [name, value] of query) {
    if (!Object.hasOwn(schema.shape, name)) {
      const known = Object.keys(schema.shape);
      const near = nearest(name, known)[0];
      const hint = near === undefined ? `there are: ${known.join(', ')}` : `did you mean ${near}?`;
      throw refused(name, `${name}: unknown parameter; ${hint}`);
    }
    if (Object.hasOwn(given, name)) throw refused(name, `${name}: expected it once, got it again`);
    given[name] = value;
  }
  const { data, error } = schema.safeParse(given);
  if (data) return data;
  const { field, sentence } = describeIssue(error!.issues[0]!, given);
  throw refused(field, sentence);
}

function refused(field: string, sentence: string): HttpError {
  return new HttpError(400, 'badMessage', sentence, { field });
}

/** A whole number as text. */
export function wholeText(from: number, what: string) {
  const rule = `${what}, a whole number from ${from} on`;
  return z
    .string()
    .regex(/^\d{1,16}$/, rule)
    .transform(Number)
    .refine((value) => value >= from && Number.isSafeInteger(value), rule);
}
