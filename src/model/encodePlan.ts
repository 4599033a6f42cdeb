import { FirtrendError } from '../dsp/error.ts';
import { float32Tensor, int, int64Tensor, ints, modelBytes, node, valueInfo } from './onnxGraph.ts';

/** Lanes come in blocks of this many: the width of the runtime's blocked-channel convolution with AVX-512. */
export const laneBlock = 16;

/**
 * How a plan says the same convolution. `blocked`: with the operators that the runtime itself puts in place of a
 * depthwise `Conv` where 16 channels fit a register (domain `com.microsoft.nchwc`, internal to one version of it), so
 * that nothing is rearranged on the way in. `portable`: with ONNX's operators alone.
 */
export type PlanForm = 'blocked' | 'portable';

const blockedDomain = 'com.microsoft.nchwc';

/**
 * The daemon's own execution plan as ONNX bytes; the runtime never sees the user's file. One depthwise `Conv` written
 * in 2-D over lanes in blocks of 16, which keeps a trend's bits the same however its samples are batched: input `x`
 * float32, laid out as `[N][lanes / 16][L][16]` (`planInputShape` is what the runtime is told), output `y` float32
 * `[N, lanes, 1, T]`, T = L - K + 1, lane i filtered by `lanes[i]` alone.
 *
 * @param lanes taps of each lane, newest first, all of the same length K ≥ 1; their number is a multiple of 16
 * @throws FirtrendError `planLanes` where the lanes do not fit that
 */
export function encodePlan({
  lanes,
  form,
}: {
  readonly lanes: readonly Float32Array[];
  readonly form: PlanForm;
}): Uint8Array<ArrayBuffer> {
  const taps = lanes[0]?.length ?? 0;
  if (taps === 0 || lanes.length % laneBlock !== 0 || lanes.some((lane) => lane.length !== taps)) {
    const got = `${lanes.length} lanes of ${[...new Set(lanes.map((lane) => lane.length))].join(', ')} taps`;
    throw new FirtrendError(
      'planLanes',
      `lanes: expected a multiple of ${laneBlock}, of equal length, got ${got}`,
    );
  }
  return form === 'blocked' ? blockedPlan(lanes, taps) : portablePlan(lanes, taps);
}

/** The shape of `x` as the plan of that form declares it. */
export function planInputShape(form: PlanForm, rows: number, lanes: number, length: number): number[] {
  return form === 'blocked' ? [rows, lanes, 1, length] : [rows, lanes / laneBlock, length, laneBlock];
}

/** `Conv` of that domain takes `x` as it lies and `w` as `[lanes / 16][K][16]`, whatever the shapes are called. */
function blockedPlan(lanes: readonly Float32Array[], taps: number): Uint8Array<ArrayBuffer> {
  const count = lanes.length;
  const weights = new Float32Array(count * taps);
  for (const [i, lane] of lanes.entries()) {
    const first = (i - (i % laneBlock)) * taps + (i % laneBlock);
    // Conv is correlation: the oldest sample of a window meets the first weight.
    for (const [j, tap] of lane.entries()) weights[first + (taps - 1 - j) * laneBlock] = tap;
  }
  const conv = [int('group', count), ints('kernel_shape', [1, taps])];
  return modelBytes(
    {
      name: 'plan',
      node: [
        node('Conv', ['x', 'w'], 'blocked', conv, blockedDomain),
        node('ReorderOutput', ['blocked'], 'y', [int('channels', count)], blockedDomain),
      ],
      initializer: [float32Tensor('w', [count, 1, 1, taps], weights)],
      input: [valueInfo('x', ['N', count, 1, 'L'])],
      output: [valueInfo('y', ['N', count, 1, 'T'])],
    },
    undefined,
    [blockedDomain],
  );
}

function portablePlan(lanes: readonly Float32Array[], taps: number): Uint8Array<ArrayBuffer> {
  const count = lanes.length;
  const blocks = count / laneBlock;
  const weights = new Float32Array(count * taps);
  for (const [i, lane] of lanes.entries()) weights.set(lane.toReversed(), i * taps);
  const conv = [int('group', count), ints('kernel_shape', [1, taps])];
  return modelBytes({
    name: 'plan',
    node:
      blocks === 1
        ? // [N, 1, L, 16] is what other runtimes call channels last, and this one reads it so where it can.
          [
            node('Transpose', ['x'], 'planar', [ints('perm', [0, 3, 1, 2])]),
            node('Conv', ['planar', 'w'], 'y', conv),
          ]
        : [
            node('Transpose', ['x'], 'planar', [ints('perm', [0, 1, 3, 2])]),
            node('Reshape', ['planar', 'shape'], 'lanes'),
            node('Conv', ['lanes', 'w'], 'y', conv),
          ],
    initializer: [
      float32Tensor('w', [count, 1, 1, taps], weights),
      ...(blocks === 1 ? [] : [int64Tensor('shape', [0, count, 1, -1])]),
    ],
    input: [valueInfo('x', ['N', blocks, 'L', laneBlock])],
    output: [valueInfo('y', ['N', count, 1, 'T'])],
  });
}
