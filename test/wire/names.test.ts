import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPattern, isStreamName, matches } from '../../src/wire/names.ts';

/** By recursion over the parts, as the rule is written. */
function slowMatches(pattern: readonly string[], name: readonly string[]): boolean {
  const [want, ...wanted] = pattern;
  const [part, ...parts] = name;
  if (want === undefined || part === undefined) return want === part;
  if (want === '**') return wanted.length === 0;
  return (want === '*' || want === part) && slowMatches(wanted, parts);
}

const part = fc.constantFrom('a', 'b', 'A', 'a.b');
const name = fc.array(part, { minLength: 1, maxLength: 8 });
const pattern = fc
  .tuple(fc.array(fc.oneof(part, fc.constant('*')), { maxLength: 7 }), fc.constantFrom('a', '*', '**'))
  .map(([parts, last]) => [...parts, last]);

describe('names', () => {
  it('patterns match as the rule says', () => {
    fc.assert(
      fc.property(pattern, name, (wanted, parts) => {
        expect(isPattern(wanted.join('/'))).toBe(true);
        expect(isStreamName(parts.join('/'))).toBe(true);
        expect(matches(wanted.join('/'), parts.join('/'))).toBe(slowMatches(wanted, parts));
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['**', 'a', true],
    ['a/**', 'a', false],
    ['a/**', 'a/b/c', true],
    ['*', 'a/b', false],
    ['a/*/c', 'a/b/c', true],
    ['a', 'ab', false],
  ])('%s on %s: %s', (wanted, parts, fits) => {
    expect(matches(wanted, parts)).toBe(fits);
  });

  it.each([
    '',
    '/',
    'a/',
    '/a',
    'a//b',
    '.a',
    '../a',
    '-a',
    '_a',
    'ä',
    'a b',
    'a\n',
    'a/b/c/d/e/f/g/h/i',
    'x'.repeat(65),
  ])('%j is neither name nor pattern', (text) => {
    expect(isStreamName(text)).toBe(false);
    expect(isPattern(text)).toBe(false);
  });

  it.each(['**/a', 'a*', 'a/**/b', '***', 'a/b/c/d/e/f/g/h/**'])('%s is no pattern', (text) => {
    expect(isPattern(text)).toBe(false);
  });

  it('wildcards are no names', () => {
    expect(isStreamName('*')).toBe(false);
    expect(isStreamName('a/**')).toBe(false);
  });
});
