import { FirtrendError } from '../dsp/error.ts';
import { float32Tensor, int, ints, modelBytes, node, valueInfo } from './onnxGraph.ts';

/** Lanes come in blocks of this many: the width of the runtime's blocked-channel convolution. */
export const laneBlock = 16;

/**
 * The daemon's own execution plan as ONNX bytes; the runtime never sees the user's file. One depthwise `Conv` written
 * in 2-D, which keeps a trend's bits the same however its samples are batched: input `x` float32 `[N, lanes, 1, L]`,
 * output `y` float32 `[N, lanes, 1, T]`, T = L - K + 1, lane i filtered by `lanes[i]` alone.
 *
 * @param lanes taps of each lane, newest first, all of the same length K ≥ 1; their number is a multiple of 16
 * @throws FirtrendError `planLanes` where the lanes do not fit that
 */
export function encodePlan({ lanes }: { readonly lanes: readonly Float32Array[] }): Uint8Array<ArrayBuffer> {
  const taps = lanes[0]?.length ?? 0;
  if (taps === 0 || lanes.length % laneBlock !== 0 || lanes.some((lane) => lane.length !== taps)) {
    const got = `${lanes.length} lanes of ${[...new Set(lanes.map((lane) => lane.length))].join(', ')} taps`;
    throw new FirtrendError(
      'planLanes',
      `lanes: expected a multiple of ${laneBlock}, of equal length, got ${got}`,
    );
  }
  const weights = new Float32Array(lanes.length * taps);
  // Conv is correlation: the oldest sample of a window meets the first weight.
  for (const [i, lane] of lanes.entries()) weights.set(lane.toReversed(), i * taps);
  return modelBytes({
    name: 'plan',
    node: [node('Conv', ['x', 'w'], 'y', [int('group', lanes.length), ints('kernel_shape', [1, taps])])],
    initializer: [float32Tensor('w', [lanes.length, 1, 1, taps], weights)],
    input: [valueInfo('x', ['N', lanes.length, 1, 'L'])],
    output: [valueInfo('y', ['N', lanes.length, 1, 'T'])],
  });
}
