import { readFileSync } from 'node:fs';
import type { Scalar, Tensor, Tensor1D } from '@tensorflow/tfjs-node';
import { beforeAll, describe, expect, test } from 'vitest';
import { mixtureTaps, softmax } from '../../src/dsp/families.ts';
import { loadBackend, type TensorFlow } from '../../src/train/backend.ts';
import {
  boxcarsKernel,
  cumulativeKernel,
  rampKernel,
  simplexKernel,
  unitSum,
} from '../../src/train/tensorKernels.ts';

/** What PyTorch computed in float64; kernels oldest first, x and y [batch][channel][time], grad of Σ y·r. */
interface GoldenCase {
  family: 'ramp' | 'cumulative' | 'simplex';
  k: number;
  alpha?: number;
  beta?: number;
  bias?: number;
  normalised?: boolean;
  parameters?: number[];
  kernel: number[];
  x: number[][][];
  y: number[][][];
  r: number[][][];
  grad: Record<string, number | number[]>;
}

const { cases } = JSON.parse(readFileSync(new URL('../golden/kernels.json', import.meta.url), 'utf8')) as {
  cases: GoldenCase[];
};

let tf: TensorFlow;
beforeAll(async () => {
  ({ tf } = await loadBackend());
});

/** The case's parameters in the order of its gradient. */
function parametersOf({ alpha, beta, parameters, bias }: GoldenCase): Record<string, Tensor> {
  return {
    ...(alpha !== undefined && { alpha: tf.scalar(alpha) }),
    ...(beta !== undefined && { beta: tf.scalar(beta) }),
    ...(parameters !== undefined && { parameters: tf.tensor1d(parameters) }),
    ...(bias !== undefined && { bias: tf.scalar(bias) }),
  };
}

function kernelOf({ family, k, normalised }: GoldenCase, p: Record<string, Tensor>): Tensor1D {
  if (family === 'ramp') return rampKernel(tf, k, p.alpha!, p.beta!);
  const positive = tf.exp(p.parameters!) as Tensor1D;
  if (family === 'simplex') return simplexKernel(tf, positive);
  const raw = cumulativeKernel(tf, positive);
  return normalised === true ? unitSum(raw) : raw;
}

/** The valid depthwise convolution of the forum's modules: every channel by itself. */
function trendOf(x: Tensor, kernel: Tensor1D, bias: Tensor | undefined): Tensor {
  const [batch, channels, time] = x.shape as [number, number, number];
  const filter = tf.reverse(kernel).reshape([1, kernel.size, 1, 1]) as Parameters<
    typeof tf.depthwiseConv2d
  >[1];
  const rows = x.reshape([batch * channels, 1, time, 1]) as Parameters<typeof tf.depthwiseConv2d>[0];
  const y = tf.depthwiseConv2d(rows, filter, 1, 'valid').reshape([batch, channels, time - kernel.size + 1]);
  return bias === undefined ? y : y.add(bias);
}

/** Float32 has 24 bits: 1e-5 of the largest magnitude, or 1e-5 where that is below 1. */
function expectClose(actual: ArrayLike<number>, expected: number[]): void {
  const scale = Math.max(1, ...expected.map(Math.abs));
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, i) => {
    expect(Math.abs(actual[i]! - value)).toBeLessThan(1e-5 * scale);
  });
}

describe.each(cases.map((c, i) => [i, c.family, c.k, c] as const))(
  'golden %i: %s, K = %i',
  (_i, _f, _k, c) => {
    test('kernel, output and gradients agree with PyTorch to 1e-5', () => {
      tf.tidy(() => {
        const parameters = parametersOf(c);
        const names = Object.keys(parameters);
        const named = (values: Tensor[]) => Object.fromEntries(names.map((name, i) => [name, values[i]!]));
        const x = tf.tensor3d(c.x);
        expectClose(kernelOf(c, parameters).dataSync(), c.kernel.toReversed());
        expectClose(trendOf(x, kernelOf(c, parameters), parameters.bias).dataSync(), c.y.flat(2));
        const loss = (...values: Tensor[]): Scalar => {
          const p = named(values);
          return trendOf(x, kernelOf(c, p), p.bias).mul(tf.tensor3d(c.r)).sum();
        };
        tf.grads(loss)(Object.values(parameters)).forEach((gradient, i) => {
          expectClose(gradient.dataSync(), [c.grad[names[i]!]!].flat());
        });
      });
    });
  },
);

test.each([1, 3, 31, 129])('boxcars, K = %d: the mixture of moving averages', (taps) => {
  const theta = Float64Array.from({ length: taps }, (_, m) => Math.sin(m));
  tf.tidy(() => {
    const kernel = boxcarsKernel(tf, tf.exp(tf.tensor1d(Float32Array.from(theta))));
    expectClose(kernel.dataSync(), [...mixtureTaps(softmax(theta))]);
  });
});
