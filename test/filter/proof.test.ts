import { describe, expect, test } from 'vitest';
import { plans } from '../../src/filter/plans.ts';
import { createTrendFilter } from '../../src/filter/trendFilter.ts';
import { altered, cpu, randomFrom, randomKernel } from './support.ts';

const [blocked, fixedShape] = [plans[0]!, plans.at(-1)!];
const shared = [randomKernel(randomFrom(1), 33)];
const perChannel = Array.from({ length: 20 }, (_, c) => randomKernel(randomFrom(c), 33));

/** The next float32 above. */
function nextUp(value: number): number {
  const bits = new Int32Array(Float32Array.of(value).buffer);
  bits[0]! += value >= 0 ? 1 : -1;
  return new Float32Array(bits.buffer)[0]!;
}

/** One output differs in its last bit, in calls that `when` picks. */
const lastBit = (name: string, when: (rows: number, outputs: number) => boolean) =>
  altered(blocked, name, (y, rows, length) => {
    if (when(rows, length - 32)) y[0] = nextUp(y[0]!);
    return y;
  });

describe.each([
  ['shared', shared],
  ['per channel', perChannel],
] as const)('%s kernels', (_, kernels) => {
  test('the first plan proves exact and is named in the fingerprint', async () => {
    const filter = await createTrendFilter(kernels, { device: cpu });
    expect(filter.exact).toBe(true);
    expect(filter.fingerprint).toMatch(
      /^onnxruntime 1\.30\.0, cpu, depthwise16(-blocked)?, (x64|arm64) \S+, bits [0-9a-f]{8}$/,
    );
    await filter.release();
  });

  test.each([
    ['a batch of three', (rows: number) => rows === 3],
    ...[1, 2, 3, 7, 16].map(
      (n) => [`calls of ${n}`, (_rows: number, outputs: number) => outputs === n] as const,
    ),
  ] as const)('one last bit in %s sends it to the next plan', async (name, when) => {
    const broken = lastBit(name, when);
    const filter = await createTrendFilter(kernels, { device: cpu, planOrder: [broken, fixedShape] });
    expect(filter.exact).toBe(true);
    expect(filter.fingerprint).toContain(', depthwise16-fixed, ');
    expect(broken.held()).toBe(0);
    await filter.release();
  });

  test('with no plan left the first serves, and says that it is not exact', async () => {
    const order = [lastBit('first', (rows) => rows === 3), lastBit('second', (rows) => rows === 3)];
    const filter = await createTrendFilter(kernels, { device: cpu, planOrder: order });
    expect(filter.exact).toBe(false);
    expect(filter.fingerprint).toContain(', first, ');
    expect(order.map((plan) => plan.held())).toEqual([1, 0]);
    await filter.release();
    expect(order[0]!.held()).toBe(0);
  });
});

test('bits that depend on the lane do not pass where any item may take any lane', async () => {
  const lane = altered(blocked, 'lane', (y, rows) => {
    const outputs = y.length / rows / 16;
    return y.map((value, i) => (Math.floor(i / outputs) % 16 === 3 ? nextUp(value) : value));
  });
  const filter = await createTrendFilter(shared, { device: cpu, planOrder: [lane] });
  expect(filter.exact).toBe(false);
  await filter.release();
});

describe('wrong values are refused by the name of the check', () => {
  test.each([
    ['impulse', altered(blocked, 'turned', (y) => y.toReversed())],
    ['step', altered(blocked, 'saturating', (y) => y.map((v) => Math.min(v, 0.5)))],
    ['random block', altered(blocked, 'rectified', (y) => y.map(Math.abs))],
    ['impulse', altered(blocked, 'not a number', (y) => y.fill(Number.NaN))],
    ['impulse', altered(blocked, 'off by 1e-5', (y) => y.map((v) => v + 1e-5))],
  ] as const)('%s', async (check, plan) => {
    const opening = createTrendFilter(shared, { device: cpu, planOrder: [plan, blocked] });
    await expect(opening).rejects.toMatchObject({ code: 'filterProof' });
    await expect(opening).rejects.toThrow(`plan ${plan.name} on cpu: ${check}, lane `);
    expect(plan.held()).toBe(0);
  });

  test('also in a later plan, and then the first is let go too', async () => {
    const first = lastBit('first', (rows) => rows === 3);
    const wrong = altered(blocked, 'wrong', (y) => y.fill(0));
    const opening = createTrendFilter(shared, { device: cpu, planOrder: [first, wrong] });
    await expect(opening).rejects.toThrow('plan wrong on cpu: impulse, lane 0, output 0: expected ');
    expect([first.held(), wrong.held()]).toEqual([0, 0]);
  });
});
