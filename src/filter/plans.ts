import { encodePlan, laneBlock, type PlanForm, planInputShape } from '../model/encodePlan.ts';
import { onnxruntime, openSession, type Provider } from './onnxruntime.ts';

/** A convolution ready to run: the kernel of each lane is fixed. */
export interface Convolution {
  /**
   * `y[row][lane][t] = Σ w_lane[j]·x[row][lane][t + K - 1 - j]`, float32, T = length - K + 1. Calls resolve in order.
   * `x` must stay untouched until then; the answer belongs to the caller.
   *
   * @param x `[rows][lanes / 16][length][16]`, finite: lane 16·b + i is place i of block b
   * @param y where the answer is to go, of its size; fresh memory where not given
   */
  run(x: Float32Array, rows: number, length: number, y?: Float32Array): Promise<Float32Array>;
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
  /** Whether this machine and runtime know the plan, the same answer at every start. Absent: all do. */
  supported?(provider: Provider): Promise<boolean>;
  /** @param lanes taps of each lane, newest first, of equal length; their number is a multiple of 16 */
  open(lanes: readonly Float32Array[], provider: Provider): Promise<Convolution>;
}

async function openForm(
  form: PlanForm,
  lanes: readonly Float32Array[],
  provider: Provider,
): Promise<Convolution> {
  const session = await openSession(encodePlan({ lanes, form }), provider);
  const { Tensor } = onnxruntime();
  const taps = lanes[0]!.length;
  return {
    async run(x, rows, length, y) {
      const feeds = { x: new Tensor('float32', x, planInputShape(form, rows, lanes.length, length)) };
      if (y === undefined) return (await session.run(feeds)).y!.data as Float32Array;
      await session.run(feeds, { y: new Tensor('float32', y, [rows, lanes.length, 1, length - taps + 1]) });
      return y;
    },
    release: () => session.release(),
  };
}

let blockedKnown: Promise<boolean> | undefined;

/** Whether the runtime has the blocked operators and this processor's block is 16: told by what they compute. */
async function knowsBlocked(): Promise<boolean> {
  const lanes = Array.from({ length: laneBlock }, (_, lane) => Float32Array.of(lane + 1, 1 / 2));
  const x = Float32Array.from({ length: 3 * laneBlock }, (_, i) => i * i);
  try {
    const convolution = await openForm('blocked', lanes, 'cpu');
    try {
      const y = await convolution.run(x, 1, 3);
      return lanes.every(([newest, oldest], lane) =>
        [0, 1].every(
          (t) =>
            y[2 * lane + t] === newest! * x[(t + 1) * laneBlock + lane]! + oldest! * x[t * laneBlock + lane]!,
        ),
      );
    } finally {
      await convolution.release();
    }
  } catch {
    // Another version of the runtime, or a processor without blocked kernels: the portable plan is for them.
    return false;
  }
}

/**
 * The runtime's blocked-channel kernel said in its own operators, any batch, any length: what the runtime makes of the
 * portable plan without the rearranging of every sample of every call, which took a third of the time.
 */
const blocked: Plan = {
  name: 'depthwise16-blocked',
  outputs: null,
  supported: async (provider) => {
    if (provider !== 'cpu') return false;
    blockedKnown ??= knowsBlocked();
    return blockedKnown;
  },
  open: (lanes, provider) => openForm('blocked', lanes, provider),
};

/**
 * The same kernel by way of ONNX's own operators: 0 of 8.3 million outputs differed where it was tried, at 4 to 14
 * times the speed of the 1-D depthwise `Conv`.
 */
const portable: Plan = {
  name: 'depthwise16',
  outputs: null,
  open: (lanes, provider) => openForm('portable', lanes, provider),
};

const fixedOutputs = 16;

/** The portable graph, but every call has the one shape `[1, lanes, 1, K + 15]`: nothing of the batch is left to differ. */
const fixedShape: Plan = {
  name: 'depthwise16-fixed',
  outputs: fixedOutputs,
  async open(lanes, provider) {
    const whole = await portable.open(lanes, provider);
    return {
      async run(x, rows, length, y = new Float32Array(rows * lanes.length * fixedOutputs)) {
        const row = lanes.length * length;
        const calls = Array.from({ length: rows }, (_, r) =>
          whole.run(x.subarray(r * row, (r + 1) * row), 1, length),
        );
        for (const [r, part] of (await Promise.all(calls)).entries()) y.set(part, r * part.length);
        return y;
      },
      release: () => whole.release(),
    };
  },
};

/** In order of preference: the first that is supported and proves exact is taken. */
export const plans: readonly Plan[] = [blocked, portable, fixedShape];
