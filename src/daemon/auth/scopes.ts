import { isPattern, matches } from '../../wire/names.ts';
import type { Verb } from '../principal.ts';

/** What a scope has to be, in words. */
export const scopeRule = 'publish:PATTERN, subscribe:PATTERN, admin or cluster';

/** `publish:PATTERN` and `subscribe:PATTERN` are for the streams that fit; `admin` and `cluster` for all. */
export function isScope(text: string): boolean {
  return (
    text === 'admin' || text === 'cluster' || isPattern(/^(?:publish|subscribe):(.*)$/s.exec(text)?.[1] ?? '')
  );
}

/** What valid scopes allow; whatever none of them names is denied. No scope implies another. */
export function mayBy(scopes: readonly string[]): (verb: Verb, stream: string) => boolean {
  const whole = new Set(scopes.filter((scope) => !scope.includes(':')));
  const patterns = scopes
    .filter((scope) => scope.includes(':'))
    .map((scope) => ({
      verb: scope.slice(0, scope.indexOf(':')),
      pattern: scope.slice(scope.indexOf(':') + 1),
    }));
  return (verb, stream) =>
    whole.has(verb) || patterns.some((scope) => scope.verb === verb && matches(scope.pattern, stream));
}
