import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isShallow } from '../../src/wire/jsonDepth.ts';

/** The depth of a value, by walking it. */
function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

it('agrees with a walk of the value, whatever is in its strings', () => {
  const strings = fc.string({ unit: fc.constantFrom('"', '\\', '[', ']', '{', '}', 'a') });
  const values = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 8 },
      strings,
      fc.integer(),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(strings, tie('value'), { maxKeys: 3, noNullPrototype: true }),
    ),
  })).value;
  fc.assert(
    fc.property(values, fc.integer({ min: 0, max: 8 }), (value, most) => {
      expect(isShallow(JSON.stringify(value), most)).toBe(depthOf(value) <= most);
    }),
    { numRuns: 2000 },
  );
});

it('takes its time from the length of the text alone', () => {
  for (const unit of ['[', '"', '\\"', '"[', '{"', '[]', '\\']) {
    const text = unit.repeat(2 ** 20 / unit.length);
    const begun = performance.now();
    isShallow(text, 2 ** 30);
    expect(performance.now() - begun, unit).toBeLessThan(1000);
  }
});
