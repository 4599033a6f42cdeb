import { FirtrendError } from '../dsp/error.ts';

/**
 * A check that a model file has to pass; `check` names it. What came is quoted and cut short, for it may be hostile.
 * @throws FirtrendError `modelRefused`: `CHECK: expected …, got …`
 */
export function must(ok: boolean, check: string, expected: string, got: unknown): asserts ok {
  if (ok) return;
  throw new FirtrendError('modelRefused', `${check}: expected ${expected}, got ${shown(got)}`);
}

const longest = 120;

function shown(value: unknown): string {
  const text = typeof value === 'string' || Array.isArray(value) ? JSON.stringify(value) : String(value);
  // Printable ASCII only: a message about a file must not carry the file's terminal codes.
  const plain = text
    .slice(0, longest)
    .replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return text.length > longest ? `${plain}…` : plain;
}
