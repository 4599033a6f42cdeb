import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { filterBank } from '../../src/daemon/ingest/filterBank.ts';
import { sampleTaps } from '../support/models.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const settings = (taps: number) => ({
  kernels: [{ taps: sampleTaps(taps), bias: 0 }],
  sha256: `k${taps}`,
  minCoverage: 0.01,
});

test('a kernel is loaded once, also by many who ask at once', async () => {
  const bank = filterBank({ provider: 'cpu' });
  const filters = await Promise.all([5, 5, 6, 5].map((taps) => bank.obtain(settings(taps))));
  expect(new Set(filters).size).toBe(2);
  expect(await bank.obtain(settings(5))).toBe(filters[0]);
  expect(await bank.obtain({ ...settings(5), minCoverage: 0.5 })).not.toBe(filters[0]);
  await bank.close();
  const job = { window: filters[0]!.createWindow(1), gap: 0, planes: Float32Array.of(1), rows: 1 };
  await expect(filters[0]!.run([job])).rejects.toMatchObject({ code: 'filterReleased' });
});

test('a kernel that cannot be loaded fails for who asks, and is tried again', async () => {
  const bank = filterBank({ provider: 'cpu' });
  const bad = { ...settings(3), kernels: [{ taps: Float32Array.of(Number.NaN), bias: 0 }] };
  await expect(bank.obtain(bad)).rejects.toMatchObject({ code: 'filterKernel' });
  expect((await bank.obtain(settings(3))).taps).toBe(3);
  await bank.close();
});

test('of kernels that came and went only the last few and those in use stay loaded', async () => {
  const bank = filterBank({ provider: 'cpu' });
  const used = await bank.obtain(settings(100));
  const passing: WeakRef<object>[] = [];
  for (let taps = 1; taps <= 30; taps++) passing.push(new WeakRef(await bank.obtain(settings(taps))));
  // What a turn of the event loop has held on to is free after it.
  for (let i = 0; i < 3; i++) {
    await turn();
    collectGarbage();
  }
  const alive = passing.map((held) => held.deref() !== undefined);
  expect(alive.slice(-8)).toEqual(Array(8).fill(true));
  expect(alive.slice(0, 20)).toEqual(Array(20).fill(false));
  expect(await bank.obtain(settings(100))).toBe(used);
  await bank.close();
});
