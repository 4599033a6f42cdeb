import fc from 'fast-check';
import { expect, test } from 'vitest';
import { callOutputs, callWork, type Demand, type GridShape } from '../../src/filter/layout.ts';

const shapes = fc
  .record({
    taps: fc.integer({ min: 1, max: 513 }),
    channels: fc.integer({ min: 1, max: 40 }),
    perChannel: fc.boolean(),
    outputs: fc.constantFrom(null, null, 16),
  })
  .map(({ taps, channels, perChannel, outputs }) => ({
    channels,
    shape: { taps, perChannel, outputs, lanes: perChannel ? Math.ceil(channels / 16) * 16 : 16 } as GridShape,
  }));
const demandsOf = (perChannel: boolean, channels: number): fc.Arbitrary<Demand[]> =>
  fc.array(
    fc.record({
      rows: fc.oneof(fc.nat(50), fc.nat(5000)),
      channels: perChannel ? fc.constant(channels) : fc.integer({ min: 1, max: 40 }),
    }),
    { maxLength: 12 },
  );
const scenes = shapes.chain(({ shape, channels }) =>
  demandsOf(shape.perChannel, channels).map((demands) => ({ shape, demands })),
);

/** The work of a call by its definition, from the T chosen. */
function work(outputs: number, demands: readonly Demand[], shape: GridShape): number {
  let lanes = 0;
  for (const { rows, channels } of demands) {
    lanes += Math.ceil(rows / outputs) * (shape.perChannel ? shape.lanes : channels);
  }
  return callWork(outputs, lanes, shape);
}

test('is never worse than one lane a channel, nor than pieces of the shortest or the commonest job', () => {
  fc.assert(
    fc.property(scenes, ({ shape, demands }) => {
      const some = demands.filter(({ rows }) => rows > 0);
      const chosen = callOutputs(demands, shape);
      expect(chosen).toBeGreaterThanOrEqual(1);
      if (shape.outputs !== null) expect(chosen).toBe(shape.outputs);
      if (shape.outputs !== null || some.length === 0) return;
      const lengths = some.map(({ rows }) => rows);
      for (const outputs of [
        Math.max(...lengths),
        Math.min(...lengths),
        Math.ceil(Math.max(...lengths) / 16),
      ]) {
        expect(work(chosen, demands, shape)).toBeLessThanOrEqual(work(outputs, demands, shape));
      }
    }),
  );
});

test('fills the lanes with one long channel, and leaves frames of one length whole', () => {
  const shape: GridShape = { taps: 65, lanes: 16, perChannel: false, outputs: null };
  expect(callOutputs([{ rows: 16_000, channels: 1 }], shape)).toBe(1000);
  expect(callOutputs([{ rows: 16, channels: 1024 }], shape)).toBe(16);
  const company = Array.from({ length: 500 }, () => ({ rows: 16, channels: 8 }));
  expect(callOutputs([{ rows: 3_000, channels: 1 }, ...company], shape)).toBe(16);
});
