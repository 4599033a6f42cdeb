import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Backend, loadBackend } from '../../../src/train/backend.ts';
import { huber } from '../../../src/train/losses/huber.ts';
import { nthSmallest } from '../../../src/train/losses/nthSmallest.ts';
import { parseLoss } from '../../../src/train/losses/parseLoss.ts';
import { quantile } from '../../../src/train/losses/quantile.ts';
import { squared } from '../../../src/train/losses/squared.ts';
import { levelBias } from '../../../src/train/windowed/levelBias.ts';
import { normal } from '../support.ts';

const all = [squared, huber(1), huber(0.2), huber(30), quantile(0.5), quantile(0.9), quantile(0.01)];
const errors = fc.double({ min: -20, max: 20, noNaN: true });
const widths = fc.constantFrom(0, 1e-3, 0.1, 1, 5);

let backend: Backend;
beforeAll(async () => {
  backend = await loadBackend();
});

// What an author of a loss must keep, whatever the loss.
describe.each(all)('$name', (loss) => {
  test('value is convex, and slope touches it from below', () => {
    fc.assert(
      fc.property(errors, errors, widths, (a, b, width) => {
        const line = loss.value(a, width) + loss.slope(a, width) * (b - a);
        expect(loss.value(b, width)).toBeGreaterThanOrEqual(line - 1e-9);
        expect(loss.value(a, 0)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  test('curvature is the derivative of the slope where that has one', () => {
    fc.assert(
      fc.property(errors, fc.constantFrom(1e-3, 0.1, 1, 5), (e, width) => {
        const step = 1e-6;
        const around = [e - step, e, e + step].map((at) => loss.curvature(at, width));
        expect(Math.min(...around)).toBeGreaterThanOrEqual(0);
        if (new Set(around).size > 1) return;
        const measured = (loss.slope(e + step, width) - loss.slope(e - step, width)) / (2 * step);
        expect(around[1]! - measured).toBeCloseTo(0, 5);
      }),
    );
    expect(loss.curvature(0, 1e-9)).toBeGreaterThan(0);
    expect(loss.curvature(0, 1e-9)).toBeLessThan(Infinity);
  });

  test('Fenchel and Young: the slopes of any width have a conjugate, and at width 0 it is met', () => {
    fc.assert(
      fc.property(errors, errors, widths, (a, b, width) => {
        const slope = loss.slope(a, width);
        expect(loss.value(b, 0) + loss.conjugate(slope)).toBeGreaterThanOrEqual(slope * b - 1e-9);
        const own = loss.slope(a, 0);
        expect(loss.value(a, 0) + loss.conjugate(own) - own * a).toBeCloseTo(0, 9);
      }),
    );
  });

  test('a narrow width changes little', () => {
    fc.assert(
      fc.property(errors, (e) => {
        expect(loss.value(e, 1e-9) - loss.value(e, 0)).toBeCloseTo(0, 8);
      }),
    );
  });

  test('the tensor says the same, and TensorFlow differentiates it to the slope', () => {
    const { tf } = backend;
    const noise = normal(3);
    const given = Float32Array.from({ length: 200 }, () => 3 * noise());
    tf.tidy(() => {
      const values = loss.tensor(tf, tf.tensor1d(given)).dataSync();
      const slopes = tf
        .grad((e) => tf.sum(loss.tensor(tf, e)))(tf.tensor1d(given))
        .dataSync();
      given.forEach((e, i) => {
        expect(values[i]! - loss.value(e, 0)).toBeCloseTo(0, 4);
        expect(slopes[i]! - loss.slope(e, 0)).toBeCloseTo(0, 5);
      });
    });
  });

  test('no bias is better than the level, found by looking around', () => {
    const noise = normal(8);
    for (const count of [1, 2, 10, 101]) {
      const some = Float64Array.from({ length: count }, () => 5 + 2 * noise() ** 3);
      for (const width of [0, 0.01, 1]) {
        const mean = (bias: number) => some.reduce((sum, e) => sum + loss.value(e + bias, width), 0) / count;
        const best = levelBias(loss, some, width);
        for (let step = 1e-6; step < 100; step *= 3) {
          expect(mean(best)).toBeLessThanOrEqual(mean(best + step) + 1e-13);
          expect(mean(best)).toBeLessThanOrEqual(mean(best - step) + 1e-13);
        }
      }
    }
  });
});

test('the level of a quantile is the smallest that covers its share, ties and all', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 1, maxLength: 60 }),
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      (values, q) => {
        const level = levelBias(quantile(q), Float64Array.from(values), 0);
        const covered = (bias: number) => values.filter((e) => e + bias >= 0).length / values.length;
        expect(covered(level)).toBeGreaterThanOrEqual(q - 1e-12);
        expect(covered(level - 1e-9)).toBeLessThan(q + 1e-12);
      },
    ),
  );
});

test('the n-th smallest is that of the sorted numbers', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -5, max: 30 }), { minLength: 1, maxLength: 80 }), (values) => {
      const sorted = values.toSorted((a, b) => a - b);
      sorted.forEach((value, n) => {
        expect(nthSmallest(Float64Array.from(values), n)).toBe(value);
      });
    }),
  );
});

describe('as --loss spells them', () => {
  test.each([
    ['mse', 'mse'],
    ['huber', 'huber:1'],
    ['huber:0.50', 'huber:0.5'],
    ['quantile:0.9', 'quantile:0.9'],
    ['quantile:1e-3', 'quantile:0.001'],
  ])('%s is %s', (text, name) => {
    expect(parseLoss(text).name).toBe(name);
    expect(parseLoss(name).name).toBe(name);
  });

  test.each([
    'mae',
    'mse:1',
    'huber:',
    'huber:0',
    'huber:-1',
    'huber:x',
    'huber:Infinity',
    'quantile',
    'quantile:',
    'quantile:0',
    'quantile:1',
    'quantile:0.5:2',
    'toString',
    '',
  ])('"%s" is refused, with what was expected and what came', (text) => {
    expect(() => parseLoss(text)).toThrow(
      expect.objectContaining({
        code: 'loss',
        message: expect.stringMatching(
          /^loss: expected mse, huber, huber:D with D > 0, or quantile:q with 0 < q < 1, got /,
        ),
      }),
    );
  });

  test('a slip is understood', () => {
    expect(() => parseLoss('quantil:0.9')).toThrow(/did you mean quantile\?$/);
  });
});
