/** ONNX Runtime's own convolutions and a plain loop, on input that is ready: no window to keep, contiguous, one thread. */
import { createRequire } from 'node:module';
import type * as Ort from 'onnxruntime-node';
import { float32Tensor, int, ints, modelBytes, node, valueInfo } from '../../../src/model/onnxGraph.ts';
import type { Contender } from '../measure.ts';

process.env.ORT_DISABLE_TELEMETRY = '1';
const ort = createRequire(import.meta.url)('onnxruntime-node') as typeof Ort;

const options: Ort.InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  extra: { session: { intra_op: { allow_spinning: '0' } } },
};

export interface Peer extends Contender {
  /** `[channel][row]` */
  result(): Promise<Float32Array>;
  release(): Promise<void>;
}

async function convolution(
  name: string,
  taps: Float32Array,
  channels: number,
  x: Float32Array,
  form: { readonly rank: 1 | 2; readonly lanes: number },
): Promise<Peer> {
  const K = taps.length;
  const { lanes, rank } = form;
  const weights = new Float32Array(lanes * K);
  for (let lane = 0; lane < lanes; lane++) weights.set(taps.toReversed(), lane * K);
  const flat = rank === 1 ? [] : [1];
  const model = modelBytes({
    name: 'peer',
    node: [node('Conv', ['x', 'w'], 'y', [int('group', lanes), ints('kernel_shape', [...flat, K])])],
    initializer: [float32Tensor('w', [lanes, 1, ...flat, K], weights)],
    input: [valueInfo('x', ['N', lanes, ...flat, 'L'])],
    output: [valueInfo('y', ['N', lanes, ...flat, 'T'])],
  });
  const session = await ort.InferenceSession.create(model, options);
  const tensor = new ort.Tensor('float32', x, [channels / lanes, lanes, ...flat, x.length / channels]);
  return {
    name,
    run: () => session.run({ x: tensor }),
    result: async () => (await session.run({ x: tensor })).y!.data as Float32Array,
    release: () => session.release(),
  };
}

/** The runtime's 1-D `Conv` with `group` = channels. @param x `[channel][K - 1 + rows]` */
export function conv1d(taps: Float32Array, channels: number, x: Float32Array): Promise<Peer> {
  return convolution('conv1d', taps, channels, x, { rank: 1, lanes: channels });
}

/** Its 2-D depthwise `Conv`, in the form that is fastest there: 16 channels, the rest a batch. */
export function conv2d(taps: Float32Array, channels: number, x: Float32Array): Promise<Peer> {
  return convolution('conv2d', taps, channels, x, { rank: 2, lanes: 16 });
}

/** Two nested loops over typed arrays. */
export function plainLoop(taps: Float32Array, channels: number, x: Float32Array): Peer {
  const K = taps.length;
  const length = x.length / channels;
  const rows = length - K + 1;
  const oldestFirst = taps.toReversed();
  const y = new Float32Array(channels * rows);
  const run = async (): Promise<void> => {
    for (let c = 0, at = 0; c < channels; c++) {
      for (let from = c * length; from < c * length + rows; from++, at++) {
        let sum = 0;
        for (let j = 0; j < K; j++) sum += oldestFirst[j]! * x[from + j]!;
        y[at] = sum;
      }
    }
  };
  return {
    name: 'loop',
    run,
    result: async () => {
      await run();
      return y.slice();
    },
    release: async () => undefined,
  };
}
