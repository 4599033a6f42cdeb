import { encodeMetadata } from './metadata.ts';
import { axisTensor, float32Tensor, int, ints, modelBytes, node, valueInfo } from './onnxGraph.ts';
import type { TrendModel } from './trendModel.ts';

/**
 * The model as an ONNX file: input `x` float32 `[N, C, L]`, output `trend` float32 `[N, C, T]`, T = L - K + 1, weights
 * oldest first. The same model gives the same bytes.
 *
 *     shared        Unsqueeze(x, 1) → Conv, w [1, 1, 1, K], kernel_shape [1, K] → Squeeze(1): every channel by itself
 *     per channel   Conv, w [C, 1, K], kernel_shape [K], group = C, with C fixed in the input's shape
 *
 * A bias is the Conv's third input, `b` of 1 or C values.
 */
export function encodeModel(model: TrendModel): Uint8Array<ArrayBuffer> {
  const { kernels, channels, rate, metadata, guarantees } = model;
  const taps = guarantees.taps;
  const shared = kernels.length === 1;
  const weights = new Float32Array(kernels.length * taps);
  // Conv is correlation: the oldest sample of a window meets the first weight.
  for (const [i, kernel] of kernels.entries()) weights.set(kernel.taps.toReversed(), i * taps);
  const biased = kernels.some(({ bias }) => bias !== 0);
  const parameters = biased ? ['w', 'b'] : ['w'];
  const c = shared ? 'C' : kernels.length;
  return modelBytes(
    {
      name: 'trend',
      node: shared
        ? [
            node('Unsqueeze', ['x', 'axes'], 'rows'),
            node('Conv', ['rows', ...parameters], 'trends', [
              int('group', 1),
              ints('kernel_shape', [1, taps]),
            ]),
            node('Squeeze', ['trends', 'axes'], 'trend'),
          ]
        : [
            node('Conv', ['x', ...parameters], 'trend', [
              int('group', kernels.length),
              ints('kernel_shape', [taps]),
            ]),
          ],
      initializer: [
        float32Tensor('w', shared ? [1, 1, 1, taps] : [kernels.length, 1, taps], weights),
        ...(biased
          ? [
              float32Tensor(
                'b',
                [kernels.length],
                kernels.map(({ bias }) => bias),
              ),
            ]
          : []),
        ...(shared ? [axisTensor('axes', 1)] : []),
      ],
      input: [valueInfo('x', ['N', c, 'L'])],
      output: [valueInfo('trend', ['N', c, 'T'])],
    },
    encodeMetadata({
      ...metadata,
      taps,
      rate: rate ?? undefined,
      channels: channels === null ? undefined : [...channels],
      guarantees,
    }),
  );
}
