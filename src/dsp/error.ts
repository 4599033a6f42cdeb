/**
 * The one error for bad input and refused work. `code` is stable (scripts and the wire rely on it); the message names
 * the field, what was expected and what came.
 */
export class FirtrendError extends Error {
  override readonly name = 'FirtrendError';
  readonly code: string;

  constructor(code: string, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Up to three of `known` that are nearest to `word` in edit distance: what a person probably meant. */
export function nearest(word: string, known: Iterable<string>): string[] {
  const limit = Math.max(2, Math.ceil(word.length / 2));
  return [...known]
    .map((name) => ({ name, distance: editDistance(word.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= limit || name.toLowerCase().includes(word.toLowerCase()))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Levenshtein distance, two rows of the table at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
