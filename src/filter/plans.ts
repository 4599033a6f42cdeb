import { encodePlan } from '../model/encodePlan.ts';
import { onnxruntime, openSession, type Provider } from './onnxruntime.ts';

/** A convolution ready to run: the kernel of each lane is fixed. */
export interface Convolution {
  /**
   * `y[row][lane][t] = Σ w_lane[j]·x[row][lane][t + K - 1 - j]`, float32, T = length - K + 1. Calls resolve in order.
   * `x` must stay untouched until then; the answer is fresh memory that belongs to the caller.
   *
   * @param x `[rows][lanes][length]`, finite
   */
  run(x: Float32Array, rows: number, length: number): Promise<Float32Array>;
  /** Frees native memory. No call may be under way. */
  release(): Promise<void>;
}

/**
 * A way to execute the convolution such that an output's bits come from its own window and kernel alone. None is
 * believed: each proves itself at load (`proof.ts`).
 */
export interface Plan {
  /** Goes into the fingerprint. */
  readonly name: string;
  /** Outputs of every slot where the plan fixes them (and with them the batch: one row a call), null where free. */
  readonly outputs: number | null;
  /** @param lanes taps of each lane, newest first, of equal length; their number is a multiple of 16 */
  open(lanes: readonly Float32Array[], provider: Provider): Promise<Convolution>;
}

/**
 * The runtime's blocked-channel kernel, any batch, any length: 0 of 8.3 million outputs differed where it was tried, at
 * 4 to 14 times the speed of the 1-D depthwise `Conv`.
 */
const blocked: Plan = {
  name: 'depthwise16',
  outputs: null,
  async open(lanes, provider) {
    const session = await openSession(encodePlan({ lanes }), provider);
    const { Tensor } = onnxruntime();
    return {
      async run(x, rows, length) {
        const { y } = await session.run({ x: new Tensor('float32', x, [rows, lanes.length, 1, length]) });
        return y!.data as Float32Array;
      },
      release: () => session.release(),
    };
  },
};

const fixedOutputs = 16;

/** The same graph, but every call has the one shape `[1, lanes, 1, K + 15]`: nothing of the batch is left to differ. */
const fixedShape: Plan = {
  name: 'depthwise16-fixed',
  outputs: fixedOutputs,
  async open(lanes, provider) {
    const whole = await blocked.open(lanes, provider);
    return {
      async run(x, rows, length) {
        const row = lanes.length * length;
        const calls = Array.from({ length: rows }, (_, r) =>
          whole.run(x.subarray(r * row, (r + 1) * row), 1, length),
        );
        const y = new Float32Array(rows * lanes.length * fixedOutputs);
        for (const [r, part] of (await Promise.all(calls)).entries()) y.set(part, r * part.length);
        return y;
      },
      release: () => whole.release(),
    };
  },
};

/** In order of preference: the first that proves exact is taken. */
export const plans: readonly Plan[] = [blocked, fixedShape];
