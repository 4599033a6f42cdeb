import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float32Text } from '../../src/wire/float32Text.ts';

function fromBits(bits: number): number {
  return new Float32Array(new Uint32Array([bits]).buffer)[0]!;
}

/** The significant digits of a decimal. */
function digits(text: string): string {
  return text.replace(/e.*$/, '').replace(/[-.]/g, '').replace(/^0+/, '').replace(/0+$/, '');
}

describe('float32Text', () => {
  it('reads back to the same bits, as JSON, for any bits at all', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), (bits) => {
        const value = fromBits(bits);
        const text = float32Text(value);
        if (!Number.isFinite(value)) return text === 'null';
        return Object.is(Math.fround(JSON.parse(text)), value);
      }),
      { numRuns: 50_000 },
    );
  });

  it('has as few digits as NumPy finds, and is as near', () => {
    const lines = readFileSync(new URL('float32.txt', import.meta.url), 'utf8')
      .trim()
      .split('\n')
      .slice(1);
    expect(lines.length).toBeGreaterThan(850);
    for (const line of lines) {
      const [bits, theirs] = line.split(' ') as [string, string];
      const value = fromBits(Number.parseInt(bits, 16));
      const ours = float32Text(value);
      expect(digits(ours).length, `${line}: ${ours}`).toBe(digits(theirs).length);
      // Of two decimals that are equally near either will do.
      if (digits(ours) === digits(theirs)) expect(Number(ours)).toBe(Number(theirs));
      else expect(Math.abs((Number(ours) - value) / (Number(theirs) - value))).toBeCloseTo(1, 6);
    }
  });

  it.each([
    [-0, '-0'],
    [0, '0'],
    [Number.NaN, 'null'],
    [Number.POSITIVE_INFINITY, 'null'],
    [Math.fround(0.1), '0.1'],
    [-16777216, '-16777216'],
  ])('%s is %s', (value, text) => {
    expect(float32Text(value)).toBe(text);
  });
});
