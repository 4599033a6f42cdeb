import fc from 'fast-check';
import { expect, it } from 'vitest';
import { closeCodes, closeName, closeReason, mayReconnect } from '../../src/wire/closeCodes.ts';

it('4000 to 4499 may come back, 4500 to 4999 may not', () => {
  for (let code = 4000; code < 5000; code++) expect(mayReconnect(code)).toBe(code < 4500);
});

it.each([
  [1000, false],
  [1001, true],
  [1006, true],
  [1008, false],
  [1009, false],
  [1011, true],
])('the standard code %i: %s', (code, may) => {
  expect(mayReconnect(code)).toBe(may);
});

it('every code has a name and no code two', () => {
  const codes = Object.values(closeCodes);
  expect(new Set(codes).size).toBe(codes.length);
  for (const [name, code] of Object.entries(closeCodes)) expect(closeName(code)).toBe(name);
  expect(closeName(1006)).toBeUndefined();
});

it('a reason always fits', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
      const reason = closeReason(text);
      expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
      if (Buffer.byteLength(text) <= 123) expect(reason).toBe(text);
      else expect(text.startsWith(reason.slice(0, -1))).toBe(true);
    }),
  );
});
