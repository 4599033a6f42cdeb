import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Demand, type GridShape, layout } from '../../src/filter/layout.ts';

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

test('every output has one place, in its own lane, and no two share one', () => {
  fc.assert(
    fc.property(scenes, ({ shape, demands }) => {
      const { outputs, places, slots } = layout(demands, shape);
      expect(outputs).toBeGreaterThanOrEqual(1);
      if (shape.outputs !== null) expect(outputs).toBe(shape.outputs);
      const taken = new Set<number>();
      for (const [i, { rows, channels }] of demands.entries()) {
        const { slot, blocks, channelStep, blockStep } = places[i]!;
        expect(blocks * outputs).toBeGreaterThanOrEqual(rows);
        expect((blocks - 1) * outputs).toBeLessThan(Math.max(rows, 1));
        for (let c = 0; c < channels; c++) {
          for (let b = 0; b < blocks; b++) {
            const at = slot + c * channelStep + b * blockStep;
            if (taken.has(at)) expect.fail(`slot ${at} taken twice`);
            if (at < 0 || at >= slots) expect.fail(`slot ${at} outside`);
            if (shape.perChannel && at % shape.lanes !== c)
              expect.fail(`channel ${c} in lane ${at % shape.lanes}`);
            taken.add(at);
          }
        }
      }
      if (shape.perChannel) expect(slots % shape.lanes).toBe(0);
    }),
  );
});

/** Multiplications and samples of a layout, counted from its grid. */
function work({ outputs, slots }: { outputs: number; slots: number }, { taps, lanes }: GridShape): number {
  return Math.ceil(slots / lanes) * lanes * (outputs * taps + 16 * (taps - 1 + outputs));
}

test('is never worse than one slot a channel, nor than slots of the shortest or the commonest job', () => {
  fc.assert(
    fc.property(scenes, ({ shape, demands }) => {
      const some = demands.filter(({ rows }) => rows > 0);
      fc.pre(some.length > 0 && shape.outputs === null);
      const chosen = work(layout(demands, shape), shape);
      const lengths = some.map(({ rows }) => rows);
      for (const outputs of [
        Math.max(...lengths),
        Math.min(...lengths),
        Math.ceil(Math.max(...lengths) / 16),
      ]) {
        expect(chosen).toBeLessThanOrEqual(work(layout(demands, { ...shape, outputs }), shape));
      }
    }),
  );
});

test('fills the lanes with one long channel, and leaves frames of one length whole', () => {
  const shape: GridShape = { taps: 65, lanes: 16, perChannel: false, outputs: null };
  expect(layout([{ rows: 16_000, channels: 1 }], shape)).toMatchObject({ outputs: 1000, slots: 16 });
  expect(layout([{ rows: 16, channels: 1024 }], shape)).toMatchObject({ outputs: 16, slots: 1024 });
  const company = Array.from({ length: 500 }, () => ({ rows: 16, channels: 8 }));
  expect(layout([{ rows: 3_000, channels: 1 }, ...company], shape).outputs).toBe(16);
});
