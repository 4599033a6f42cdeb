import { FirtrendError } from '../dsp/error.ts';
import { noise, signalOf } from './noise.ts';
import type { Provider } from './onnxruntime.ts';
import type { Convolution, Plan } from './plans.ts';

/** Lengths and batches of the calls that must give equal bits. */
const callOutputs = [1, 2, 3, 7, 16, 50] as const;
const callRows = [1, 3] as const;
const compared = 50;

/** The same signal in a lane this many further on must give the same bits where all lanes have one kernel. */
const turn = 5;

/**
 * Holds a plan to its word before anything is served by it.
 *
 * Values: an impulse, a step and a random block through every lane agree with the convolution in float64, within
 * (K+2)·2^-24 of the largest |x| on the CPU and 1e-5 of it on CUDA. Bits: calls of 1, 2, 3, 7, 16 and 50 outputs, in
 * batches of 1 and 3, agree to the last bit, as does each signal in another lane of the same kernel.
 *
 * @param lanes taps of each lane, newest first
 * @param on.shared all lanes have the same kernel
 * @returns whether the bits were equal
 * @throws FirtrendError `filterProof` that names the check, for wrong values
 */
export async function prove(
  convolution: Convolution,
  plan: Plan,
  lanes: readonly Float32Array[],
  on: { readonly provider: Provider; readonly shared: boolean },
): Promise<boolean> {
  const taps = lanes[0]!.length;
  const tolerance = on.provider === 'cpu' ? (taps + 2) * 2 ** -24 : 1e-5;
  const count = lanes.length;
  for (const { name, outputs, sample, expected } of checks(taps)) {
    const signal = signalOf(count, taps - 1 + outputs, sample);
    const y = await cut(convolution, signal, {
      lanes: count,
      taps,
      outputs: plan.outputs ?? outputs,
      rows: 1,
    });
    for (const [lane, w] of lanes.entries()) {
      const want = expected(w, signal.subarray(lane * (taps - 1 + outputs)));
      for (let n = 0; n < outputs; n++) {
        const got = y[lane * outputs + n]!;
        // Written so that NaN fails.
        if (Math.abs(got - want[n]!) <= tolerance) continue;
        const where = `${name}, lane ${lane}, output ${n}`;
        const what = `expected ${want[n]} within ${tolerance}, got ${got}`;
        throw new FirtrendError('filterProof', `plan ${plan.name} on ${on.provider}: ${where}: ${what}`);
      }
    }
  }
  return sameBits(convolution, plan, { lanes: count, taps, shared: on.shared });
}

async function sameBits(
  convolution: Convolution,
  plan: Plan,
  { lanes, taps, shared }: { readonly lanes: number; readonly taps: number; readonly shared: boolean },
): Promise<boolean> {
  const length = taps - 1 + compared;
  const signal = signalOf(lanes, length, noise);
  const whole = { lanes, taps, outputs: plan.outputs ?? compared, rows: 1 };
  const reference = await cut(convolution, signal, whole);
  for (const rows of callRows) {
    for (const outputs of plan.outputs === null ? callOutputs : [plan.outputs]) {
      const y = await cut(convolution, signal, { lanes, taps, outputs, rows });
      if (!y.every((value, i) => Object.is(value, reference[i]))) return false;
    }
  }
  if (!shared) return true;
  const turned = signalOf(lanes, length, (lane, i) => noise((lane + turn) % lanes, i));
  const y = await cut(convolution, turned, whole);
  return y.every((value, i) => Object.is(value, reference[(i + turn * compared) % y.length]));
}

/**
 * Runs all of a signal `[lane][taps - 1 + total]` through calls of `rows` batch rows of `outputs` each and joins the
 * answers to `[lane][total]`. What is left over of the last call is zeros.
 */
async function cut(
  convolution: Convolution,
  signal: Float32Array,
  by: { readonly lanes: number; readonly taps: number; readonly outputs: number; readonly rows: number },
): Promise<Float32Array> {
  const { lanes, outputs, rows } = by;
  const known = signal.length / lanes;
  const total = known - by.taps + 1;
  const length = by.taps - 1 + outputs;
  const joined = new Float32Array(lanes * total);
  for (let first = 0; first < total; first += rows * outputs) {
    const x = new Float32Array(rows * lanes * length);
    for (let slot = 0; slot < rows * lanes; slot++) {
      const start = Math.min(first + Math.floor(slot / lanes) * outputs, known);
      const lane = (slot % lanes) * known;
      x.set(signal.subarray(lane + start, lane + Math.min(start + length, known)), slot * length);
    }
    const y = await convolution.run(x, rows, length);
    for (let slot = 0; slot < rows * lanes; slot++) {
      const start = first + Math.floor(slot / lanes) * outputs;
      const count = Math.min(outputs, total - start);
      if (count <= 0) break;
      joined.set(y.subarray(slot * outputs, slot * outputs + count), (slot % lanes) * total + start);
    }
  }
  return joined;
}

interface Check {
  readonly name: string;
  readonly outputs: number;
  readonly sample: (lane: number, i: number) => number;
  /** A lane's outputs in float64. */
  readonly expected: (taps: Float32Array, signal: Float32Array) => ArrayLike<number>;
}

/** All of magnitude 1 at most. Impulse and step have closed forms: the taps themselves and their running sum. */
function checks(taps: number): readonly Check[] {
  const history = taps - 1;
  const block = 16;
  return [
    { name: 'impulse', outputs: taps, sample: (_, i) => (i === history ? 1 : 0), expected: (w) => w },
    { name: 'step', outputs: taps, sample: (_, i) => (i >= history ? 1 : 0), expected: runningSum },
    {
      name: 'random block',
      outputs: block,
      sample: noise,
      expected: (w, x) =>
        Array.from({ length: block }, (_, n) =>
          w.reduce((sum, tap, j) => sum + tap * x[n + history - j]!, 0),
        ),
    },
  ];
}

function runningSum(taps: Float32Array): Float64Array {
  let sum = 0;
  return Float64Array.from(taps, (tap) => {
    sum += tap;
    return sum;
  });
}
