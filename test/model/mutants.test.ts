import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { createTrendFilter } from '../../src/filter/trendFilter.ts';
import { float32Bytes } from '../../src/model/float32Bytes.ts';
import { readModel } from '../../src/model/gate.ts';
import type { TrendModel } from '../../src/model/trendModel.ts';
import { cpu, randomFrom, randomPlanes } from '../filter/support.ts';
import { counts, seed } from '../support/counts.ts';
import { pythonPath, whyNoPython } from '../support/python.ts';
import { everything } from './modelFiles.ts';
import { mutants } from './mutants.ts';
import { inPython } from './python.ts';

const count = counts(500, 10_000);

interface Accepted {
  readonly bytes: Uint8Array;
  readonly model: TrendModel;
}

/** Shows the gate `count` mutants: it refuses by name what it does not accept. */
function judged(): { accepted: Accepted[]; refusals: Map<string, number> } {
  const accepted: Accepted[] = [];
  const refusals = new Map<string, number>();
  let i = 0;
  for (const { level, bytes } of mutants(seed)) {
    if (i++ === count) break;
    try {
      accepted.push({ bytes, model: readModel(bytes, 'mutant', everything) });
    } catch (error) {
      expect(error, `mutant ${i} of seed ${seed} (${level})`).toMatchObject({
        name: 'FirtrendError',
        code: expect.stringMatching(/^model(NotOnnx|Refused)$/),
        message: expect.stringMatching(
          /^model mutant: (not an ONNX file, or not the whole of one \(|\S.*: expected )/,
        ),
      });
      const { message } = error as Error;
      const check = message.replace(/^model mutant: /, '').replace(/[:(].*/s, '');
      refusals.set(check, (refusals.get(check) ?? 0) + 1);
    }
  }
  return { accepted, refusals };
}

test(`${count} mutants are refused by name, or accepted with valid taps (seed ${seed})`, () => {
  const { accepted, refusals } = judged();
  process.stdout.write(
    `mutants: ${accepted.length} accepted, ${count - accepted.length} refused by ${refusals.size} checks\n`,
  );
  expect(accepted.length).toBeGreaterThan(count / 20);
  expect(count - accepted.length).toBeGreaterThan(count / 3);
  expect(refusals.size).toBeGreaterThan(20);
  for (const { taps } of accepted.flatMap(({ model }) => model.kernels)) {
    expect(taps.every((w) => w >= 2 ** -60)).toBe(true);
    expect(Math.abs(taps.reduce((a, b) => a + b) - 1)).toBeLessThanOrEqual(2 ** -20);
  }
});

test(`an accepted mutant gives in the engine what the file itself gives in onnxruntime, and the sum by hand (seed ${seed})`, async () => {
  const { accepted } = judged();
  const random = randomFrom(seed);
  for (const { bytes, model } of accepted) {
    const channels = model.kernels.length === 1 ? (model.channels?.length ?? 3) : model.kernels.length;
    const { taps } = model.guarantees;
    const rows = taps + 20;
    const x = randomPlanes(random, channels, rows, 0);
    const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
    const { trend } = await session.run({ x: new Tensor('float32', x, [1, channels, rows]) });
    await session.release();
    const kernels = model.kernels.map((kernel) => ({ ...kernel, taps: Float32Array.from(kernel.taps) }));
    const filter = await createTrendFilter(kernels, { device: cpu });
    const [block] = await filter.run([{ window: filter.createWindow(channels), gap: 0, planes: x, rows }]);
    await filter.release();
    for (let c = 0; c < channels; c++) {
      const kernel = model.kernels[model.kernels.length === 1 ? 0 : c]!;
      const bound = (taps + 2) * 2 ** -24 + Math.abs(kernel.bias) * 2 ** -23;
      for (let n = taps - 1; n < rows; n++) {
        let sum = kernel.bias;
        for (let j = 0; j < taps; j++) sum += kernel.taps[j]! * x[c * rows + n - j]!;
        const ours = block!.trend[c * rows + n]!;
        const theirs = (trend!.data as Float32Array)[c * 21 + n - taps + 1]!;
        if (!(Math.abs(ours - sum) <= bound && Math.abs(theirs - sum) <= bound)) {
          expect.fail(
            `channel ${c}, sample ${n}: ${ours} by the engine, ${theirs} by the file, ${sum} by hand`,
          );
        }
      }
    }
  }
});

const python = pythonPath();
const skipped = python === undefined ? ` [skipped: ${whyNoPython()}]` : '';

test.skipIf(python === undefined)(
  `of accepted mutants Python reads the same taps (seed ${seed})${skipped}`,
  async () => {
    const { accepted } = judged();
    const dir = await mkdtemp(join(tmpdir(), 'firtrend-mutants-'));
    try {
      const paths = accepted.map((_, i) => join(dir, `${i}.onnx`));
      await Promise.all(paths.map((path, i) => writeFile(path, accepted[i]!.bytes)));
      for (const [i, report] of (await inPython(python!, 'read', paths)).entries()) {
        const { kernels } = accepted[i]!.model;
        const taps = Buffer.concat(kernels.map((kernel) => float32Bytes(kernel.taps))).toString('hex');
        const bias = Buffer.from(float32Bytes(kernels.map((kernel) => kernel.bias))).toString('hex');
        expect(report).toEqual({ taps, bias });
      }
    } finally {
      await rm(dir, { recursive: true });
    }
  },
);
