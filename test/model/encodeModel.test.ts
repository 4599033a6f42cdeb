import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { rampTaps } from '../../src/dsp/families.ts';
import { storedTaps } from '../../src/dsp/kernel.ts';
import { plans } from '../../src/filter/plans.ts';
import { encodeModel } from '../../src/model/encodeModel.ts';
import { encodePlan, planInputShape } from '../../src/model/encodePlan.ts';
import { trendModel } from '../../src/model/trendModel.ts';
import { pythonPath, whyNoPython } from '../support/python.ts';
import { inPython } from './python.ts';
import { sampleModels, stored } from './samples.ts';

/** The float32 results of one call, on one thread. */
async function run(bytes: Uint8Array, x: Float32Array, dims: number[]): Promise<Float32Array> {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1 });
  try {
    const results = await session.run({ x: new Tensor('float32', x, dims) });
    return results[session.outputNames[0]!]!.data as Float32Array;
  } finally {
    await session.release();
  }
}

/** 2K - 1 samples with one 1 in the middle: a causal filter answers with its taps, newest first. */
function impulse(taps: number, channels: number): Float32Array {
  const x = new Float32Array(channels * (2 * taps - 1));
  for (let c = 0; c < channels; c++) x[c * (2 * taps - 1) + taps - 1] = 1;
  return x;
}

test.each(Object.entries(sampleModels(5)))(
  '%s: the response to an impulse is the taps, newest first',
  async (_, model) => {
    const channels = model.channels?.length ?? 3;
    const y = await run(encodeModel(model), impulse(5, channels), [1, channels, 9]);
    for (let c = 0; c < channels; c++) {
      const { taps, bias } = model.kernels[c % model.kernels.length]!;
      expect([...y.subarray(5 * c, 5 * c + 5)]).toEqual([...Float32Array.from(taps, (w) => w + bias)]);
      expect(y[5 * c]! - bias).toBeGreaterThan(y[5 * c + 4]! - bias);
    }
  },
);

test.each([
  ['blocked', 32],
  ['portable', 32],
  ['portable', 16],
] as const)(
  'the %s plan of %i lanes answers an impulse with their taps, newest first',
  async (form, count) => {
    // The blocked operators are this runtime's own; where the processor has no block of 16 no plan uses them.
    if (form === 'blocked' && !(await plans[0]!.supported!('cpu'))) return;
    const lanes = Array.from({ length: count }, (_, i) => storedTaps(rampTaps(7, 0.01 * (i + 1))));
    const x = new Float32Array(count * 13);
    for (let lane = 0; lane < count; lane++) x[(lane - (lane % 16)) * 13 + 6 * 16 + (lane % 16)] = 1;
    const y = await run(encodePlan({ lanes, form }), x, planInputShape(form, 1, count, 13));
    for (const [i, lane] of lanes.entries()) expect(y.subarray(7 * i, 7 * i + 7)).toEqual(lane);
  },
);

test('a plan needs lanes in sixteens, of one length', () => {
  const lane = Float32Array.of(1);
  for (const lanes of [[], Array(15).fill(lane), [...Array(15).fill(lane), Float32Array.of(0.5, 0.5)]]) {
    expect(() => encodePlan({ lanes, form: 'portable' })).toThrow(
      expect.objectContaining({ code: 'planLanes' }),
    );
  }
});

test('the same model gives the same bytes', () => {
  for (const model of Object.values(sampleModels(65))) {
    const reordered = Object.fromEntries(Object.entries(model.metadata).reverse());
    expect(encodeModel({ ...model, metadata: reordered })).toEqual(encodeModel(model));
  }
});

test('the hash is over float32, little endian: as Python computes it', () => {
  // hashlib.sha256(struct.pack('<3f', .75, .25, 0)) and (struct.pack('<6f', .75, .25, 0, .5, .5, -1.5))
  const first = { taps: Float64Array.of(0.75, 0.25), bias: 0 };
  const second = { taps: Float64Array.of(0.5, 0.5), bias: -1.5 };
  expect(trendModel({ kernels: [first] }).sha256).toBe(
    '3ad75e7de9288f859a8107e98fa3d83a7d79f7e9a097064b78ccaf8bd366dd03',
  );
  expect(trendModel({ kernels: [first, second], channels: ['a', 'b'] }).sha256).toBe(
    'bc4599a9b9a684fa24ba2fce4e1c85eb86ce39934e04d75ba7c0f35ad6336753',
  );
});

test('what cannot be served cannot be made', () => {
  const taps = stored(3);
  const refused: [string, Parameters<typeof trendModel>[0]][] = [
    ['kernels: expected 1 to 1024, got 0', { kernels: [] }],
    ['taps: expected 1 to 513, got 514', { kernels: [{ taps: stored(514), bias: 0 }] }],
    ['taps: expected 1 to 513, got 0', { kernels: [{ taps: new Float64Array(), bias: 0 }] }],
    [
      'tap 1: expected a finite number of at least 2^-60, got 0',
      { kernels: [{ taps: Float64Array.of(1, 0), bias: 0 }] },
    ],
    [
      'sum of taps: expected 1 to within 2^-20, got 1.5',
      { kernels: [{ taps: Float64Array.of(1, 0.5), bias: 0 }] },
    ],
    ['bias: expected a finite number, got Infinity', { kernels: [{ taps, bias: 1e39 }], channels: ['a'] }],
    ['channels: expected names, because there is a bias, got null', { kernels: [{ taps, bias: 1 }] }],
    [
      'channels: expected 2 names, got 3',
      { kernels: [1, 2].map(() => ({ taps, bias: 0 })), channels: ['a', 'b', 'c'] },
    ],
    ['rate: expected a positive number of Hz, got 0', { kernels: [{ taps, bias: 0 }], rate: 0 }],
  ];
  for (const [message, parts] of refused) {
    expect(() => trendModel(parts)).toThrow(expect.objectContaining({ code: 'modelRefused', message }));
  }
});

test('of several kernels the guarantees are the worst, and every loss is told with its channel', () => {
  const rising = stored(4, -0.5);
  const model = trendModel({
    kernels: [
      { taps: stored(4, 2), bias: 0 },
      { taps: rising, bias: 0 },
    ],
    channels: ['calm', 'odd'],
  });
  const { lag, concaveStepResponse, noOvershoot, lost } = model.guarantees;
  expect(lag).toBeCloseTo(
    rising.reduce((total, w, j) => total + j * w, 0),
    6,
  );
  expect({ concaveStepResponse, noOvershoot }).toEqual({ concaveStepResponse: false, noOvershoot: true });
  expect(lost).toEqual([expect.stringMatching(/^channel odd: an older sample weighs more/)]);
});

const python = pythonPath();
const skipped = python === undefined ? ` [skipped: ${whyNoPython()}]` : '';

test.skipIf(python === undefined)(
  `Python's checker and runtime agree with NumPy in float64${skipped}`,
  async () => {
    const dir = await mkdtemp(join(tmpdir(), 'firtrend-python-'));
    try {
      const wide = Array.from({ length: 64 }, (_, c) => ({ taps: stored(65, c / 100), bias: 0 }));
      const models = [
        ...[1, 2, 65, 100].flatMap((taps) => Object.values(sampleModels(taps))),
        trendModel({ kernels: wide, channels: wide.map((_, c) => `${c}`) }),
      ];
      const files = models.map((_, i) => join(dir, `${i}.onnx`));
      await Promise.all(files.map((file, i) => writeFile(file, encodeModel(models[i]!))));
      const reports = await inPython(python!, 'check', files);
      for (const [i, report] of reports.entries()) {
        const { taps } = models[i]!.guarantees;
        expect(report).toMatchObject({ taps, opset: 17 });
        expect(report.error).toBeLessThanOrEqual((taps + 2) * 2 ** -24);
        expect(JSON.parse(report.metadata['firtrend.taps']!)).toBe(taps);
        expect(JSON.parse(report.metadata['firtrend.guarantees']!)).toEqual(models[i]!.guarantees);
      }
      expect(Object.keys(reports[8]!.metadata)).toEqual(Object.keys(reports[8]!.metadata).sort());
      expect(reports[8]!.metadata).toMatchObject({ 'firtrend.target': 'smooth:32', 'firtrend.rate': '64' });
    } finally {
      await rm(dir, { recursive: true });
    }
  },
);
