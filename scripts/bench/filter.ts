/**
 * One engine call on 1,024 channels × 16 rows, window keeping included, beside ONNX Runtime's own convolutions on ready
 * input and a plain JavaScript loop. One thread. Ratios above 1: ours is faster.
 */
import { createRequire } from 'node:module';
import type * as Ort from 'onnxruntime-node';
import { referenceTrend } from '../../src/dsp/reference.ts';
import { createTrendFilter } from '../../src/filter/trendFilter.ts';
import { encodePlan } from '../../src/model/encodePlan.ts';
import { sampleTaps } from '../../test/support/models.ts';
import { type Contender, medians, table } from './measure.ts';

const ort = createRequire(import.meta.url)('onnxruntime-node') as typeof Ort;
const channels = 1024;
const rows = 16;
const options: Ort.InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
};

export async function benchFilter(rounds = 60): Promise<string> {
  const lines = [];
  for (const K of [33, 129, 257]) {
    const taps = sampleTaps(K);
    const shared = await createTrendFilter([{ taps, bias: 0 }], { device: { provider: 'cpu' } });
    const each = await createTrendFilter(
      Array.from({ length: channels }, () => ({ taps, bias: 0 })),
      { device: { provider: 'cpu' } },
    );
    const whole = Float32Array.from({ length: channels * rows }, (_, i) => Math.sin(i * 0.7) * 100);
    const holed = whole.map((v, i) => (i % 97 === 0 ? Number.NaN : v));
    const windows = [
      shared.createWindow(channels),
      shared.createWindow(channels),
      each.createWindow(channels),
    ];
    const one =
      (filter: typeof shared, window: (typeof windows)[0], planes: Float32Array): Contender['run'] =>
      async () => {
        await filter.run([{ window, gap: 0, planes, rows }]);
        return undefined;
      };
    const plain = await plainConvolutions(taps);
    const contenders: Contender[] = [
      { name: 'shared', run: one(shared, windows[0]!, whole) },
      { name: 'holes', run: one(shared, windows[1]!, holed) },
      { name: 'perChannel', run: one(each, windows[2]!, whole) },
      { name: 'conv1d', run: plain.conv1d },
      { name: 'conv2d', run: plain.conv2d },
      { name: 'loop', run: javaScriptLoop(taps) },
    ];
    // A window that has just begun is masked throughout: fill it first.
    for (let i = 0; i < Math.ceil(K / rows) + 1; i++)
      for (const { run } of contenders.slice(0, 3)) await run();
    const ms = await medians(contenders, rounds);
    const us = (name: string): string => (ms.get(name)! * 1000).toFixed(0);
    const times = (name: string): string => (ms.get(name)! / ms.get('shared')!).toFixed(2);
    lines.push([
      K,
      us('shared'),
      `${us('perChannel')} (${times('perChannel')} ×)`,
      `${us('holes')} (${times('holes')} ×)`,
      times('conv1d'),
      times('conv2d'),
      times('loop'),
    ]);
    await Promise.all([shared.release(), each.release(), plain.release()]);
  }
  return table(
    [
      'K',
      'shared (µs)',
      'per channel',
      '1 % missing',
      '1-D Conv ÷ ours',
      '2-D depthwise Conv ÷ ours',
      'JavaScript loop ÷ ours',
    ],
    lines,
  );
}

/** The runtime alone, on input that is ready: windows and samples already in place. */
async function plainConvolutions(taps: Float32Array) {
  const length = taps.length - 1 + rows;
  const lanes = Array.from({ length: channels }, () => taps);
  const twoD = await ort.InferenceSession.create(encodePlan({ lanes: lanes.slice(0, 16) }), options);
  const { encodeModel } = await import('../../src/model/encodeModel.ts');
  const { trendModel } = await import('../../src/model/trendModel.ts');
  const named = lanes.map((_, c) => `c${c}`);
  const model = trendModel({
    kernels: lanes.map((t) => ({ taps: Float64Array.from(t), bias: 0 })),
    channels: named,
  });
  const oneD = await ort.InferenceSession.create(encodeModel(model), options);
  const input = Float32Array.from({ length: channels * length }, (_, i) => Math.cos(i));
  const x1 = new ort.Tensor('float32', input, [1, channels, length]);
  const x2 = new ort.Tensor('float32', input, [channels / 16, 16, 1, length]);
  return {
    conv1d: async () => void (await oneD.run({ x: x1 })) as undefined,
    conv2d: async () => void (await twoD.run({ x: x2 })) as undefined,
    release: () => Promise.all([oneD.release(), twoD.release()]),
  };
}

function javaScriptLoop(taps: Float32Array): Contender['run'] {
  const length = taps.length - 1 + rows;
  const kernel = { taps: Float64Array.from(taps), bias: 0 };
  const x = Float32Array.from({ length }, (_, i) => Math.cos(i));
  return async () => {
    for (let c = 0; c < channels; c++) referenceTrend(x, kernel);
    return undefined;
  };
}
