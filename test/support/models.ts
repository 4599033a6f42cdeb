import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { mixtureTaps } from '../../src/dsp/families.ts';
import { storedTaps } from '../../src/dsp/kernel.ts';
import { encodeModel } from '../../src/model/encodeModel.ts';
import { publish } from '../../src/model/repository.ts';
import { trendModel } from '../../src/model/trendModel.ts';

/** A folder of its own for a test, gone when the test is. */
export async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'firtrend-test-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Taps of the class for tests: unequal, of any length. */
export function sampleTaps(length: number): Float32Array {
  const weights = Float64Array.from({ length }, (_, m) => 1 + ((m * 7) % 5));
  const total = weights.reduce((a, b) => a + b, 0);
  return storedTaps(mixtureTaps(weights.map((u) => u / total)));
}

/** A repository in a folder of its own with the model `test@1`. */
export async function repositoryWith(
  taps: Float32Array,
  parts: { readonly rate?: number; readonly channels?: readonly string[] } = {},
): Promise<string> {
  const dir = await temporaryFolder();
  const model = trendModel({ kernels: [{ taps: Float64Array.from(taps), bias: 0 }], ...parts });
  await publish(dir, 'test', encodeModel(model));
  return dir;
}
