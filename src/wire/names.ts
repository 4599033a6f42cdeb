const part = '[A-Za-z0-9][A-Za-z0-9._-]{0,63}';
const streamName = new RegExp(`^${part}(?:/${part}){0,7}$`);
/** `*` is one whole part; `**`, only at the end, is the rest: one part or more. */
const pattern = new RegExp(
  `^(?:\\*\\*|(?:${part}|\\*)(?:/(?:${part}|\\*)){0,6}(?:/(?:${part}|\\*|\\*\\*))?)$`,
);

/** 1 to 8 parts of `[A-Za-z0-9][A-Za-z0-9._-]{0,63}` joined by `/`: safe in paths, addresses and logs. */
export function isStreamName(text: string): boolean {
  return streamName.test(text);
}

/** A stream name in which parts may be `*`, and the last one `**`. */
export function isPattern(text: string): boolean {
  return pattern.test(text);
}

/** Whether a valid pattern fits a valid stream name. */
export function matches(pattern: string, name: string): boolean {
  if (!pattern.includes('*')) return pattern === name;
  const wanted = pattern.split('/');
  const parts = name.split('/');
  const rest = wanted.at(-1) === '**';
  const fixed = rest ? wanted.length - 1 : wanted.length;
  if (rest ? parts.length <= fixed : parts.length !== fixed) return false;
  return wanted.slice(0, fixed).every((want, i) => want === '*' || want === parts[i]);
}

/** A test for many names, made once: whether any of the valid patterns fits. */
export interface PatternSet {
  /** The patterns that are names: whom they fit is known without looking. */
  readonly names: ReadonlySet<string>;
  /** Whether some pattern is more than a name. */
  readonly open: boolean;
  matches(name: string): boolean;
}

export function patternSet(patterns: readonly string[]): PatternSet {
  const names = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const wild = patterns.filter((pattern) => pattern.includes('*'));
  const everything = wild.includes('**');
  return {
    names,
    open: wild.length > 0,
    matches: (name) => everything || names.has(name) || wild.some((pattern) => matches(pattern, name)),
  };
}
