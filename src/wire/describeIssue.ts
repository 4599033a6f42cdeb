import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/** A value as an error may show it: short, and never a secret. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  return text.length <= 80 ? text : `${text.slice(0, 60)}… (${text.length} characters)`;
}

/** One sentence for the first thing that is wrong: the field, what was expected (the schema's message) and what came. */
export function describeIssue(issue: Issue, root: unknown): { field: string; sentence: string } {
  const { path, expected, got } = located(issue, []);
  const field = fieldText(path) || 'message';
  const came = got ?? (path.at(-1) === 'token' ? 'something else' : shown(valueAt(root, path)));
  return { field, sentence: `${field}: expected ${expected}, got ${came}` };
}

interface Located {
  readonly path: readonly PropertyKey[];
  readonly expected: string;
  readonly got?: string;
}

function located(issue: Issue, above: readonly PropertyKey[]): Located {
  const path = [...above, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0]!;
    return { path: [...path, key], expected: 'no such field here', got: 'one' };
  }
  if (issue.code === 'invalid_union') {
    const branch = nearestBranch(issue.errors);
    if (branch) return located(branch, path);
  }
  // The key of a record: its own rule says more than that it is wrong.
  if (issue.code === 'invalid_key') {
    const key = path.at(-1);
    return {
      path: path.slice(0, -1),
      expected: issue.issues[0]?.message ?? issue.message,
      got: shown(String(key)),
    };
  }
  return { path, expected: issue.message };
}

/** Of the shapes a field may have, the one that was meant: it reaches deepest before it fails, with least amiss. */
function nearestBranch(branches: readonly (readonly Issue[])[]): Issue | undefined {
  const meant = branches
    .filter((issues) => issues.some(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'))
    .sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0];
  return meant?.toSorted((a, b) => b.path.length - a.path.length)[0];
}

function depth(issues: readonly Issue[]): number {
  return Math.max(...issues.map(({ path }) => path.length));
}

function fieldText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return text === '' ? shortKey(key) : `${text}.${shortKey(key)}`;
  }, '');
}

function shortKey(key: PropertyKey): string {
  const text = String(key);
  return text.length <= 80 ? text : `${text.slice(0, 60)}…`;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    return (value as Record<PropertyKey, unknown>)[key];
  }, root);
}
