import type { z } from 'zod';
import { FirtrendError, nearest } from '../../dsp/error.ts';
import { describeIssue } from '../../wire/describeIssue.ts';
import { configKeys, namesAt } from './keys.ts';

/** What is wrong with a configuration: all of it, each with its place. */
export class ConfigError extends FirtrendError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    // What is wrong with flags alone is misuse of the command line.
    super(problems.every((line) => line.startsWith('flag ')) ? 'usage' : 'config', problems.join('\n'));
    this.problems = problems;
  }
}

/** `firtrend.yaml:3: limits.conections: unknown key; did you mean connections?` */
export function unknownKey(place: string, name: string, known: readonly string[]): string {
  const near = nearest(name.split('.').at(-1)!, known);
  const hint = near.length > 0 ? `did you mean ${near.join(' or ')}?` : `there are: ${known.join(', ')}`;
  return `${place}: ${name}: unknown key; ${hint}`;
}

/**
 * What the schema found, as sentences; nothing of an object that may hold a secret is quoted.
 *
 * @param placeOf where the value at a path comes from
 */
export function problemsOf(
  issue: z.core.$ZodIssue,
  placeOf: (path: readonly PropertyKey[]) => string,
  root: unknown,
): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      return unknownKey(placeOf(path), fieldName(path), namesAt(issue.path));
    });
  }
  const { sentence } = describeIssue(issue, root);
  const said = mayHoldSecret(issue.path) ? sentence.replace(/, got .*$/s, ', got something else') : sentence;
  return [`${placeOf(issue.path)}: ${said}`];
}

/** The key at `path`, what holds it or what it holds has a secret in it. */
function mayHoldSecret(path: readonly PropertyKey[]): boolean {
  return configKeys
    .filter((key) => key.secret === true || key.fields.some((field) => field.secret === true))
    .some((key) => key.path.every((part, i) => i >= path.length || path[i] === part));
}

function fieldName(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}
