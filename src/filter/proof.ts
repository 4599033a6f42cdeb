import { setImmediate as endOfTurn } from 'node:timers/promises';
import { FirtrendError } from '../dsp/error.ts';
import { laneBlock } from '../model/encodePlan.ts';
import { noise, signalOf } from './noise.ts';
import type { Provider } from './onnxruntime.ts';
import type { Convolution, Plan } from './plans.ts';

/** Lengths and batches of the calls that must give equal bits, and how many calls of each. */
const callOutputs = [1, 2, 3, 7, 16, 50] as const;
const callRows = [1, 3] as const;
const callCount = 4;
const compared = 50;

/** Where all lanes have one kernel and a call is small, also places far back in a batch: more rows than any unrolling. */
const longBatch = { rows: 37, outputs: 1 } as const;

const manyLanes = 128;

/** The same signal in a lane this many further on must give the same bits where all lanes have one kernel. */
const turn = 5;

/**
 * Holds a plan to its word before anything is served by it.
 *
 * Values: an impulse, a step and a random block through every lane agree with the convolution in float64, within
 * (K+2)·2^-24 of the largest |x| on the CPU and 1e-5 of it on CUDA. Bits: calls of 1, 2, 3, 7, 16 and 50 outputs, in
 * batches of 1 and 3, agree to the last bit wherever in memory their input begins and their answer goes, as do, of one
 * kernel for all, each signal in another lane and calls of many batch rows.
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
      // Many lanes in short calls: what happens while a kernel loads must not stop a daemon.
      outputs: plan.outputs ?? (count > manyLanes ? Math.min(outputs, 16) : outputs),
      rows: 1,
    });
    for (const [lane, w] of lanes.entries()) {
      if (lane % manyLanes === manyLanes - 1) await endOfTurn();
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
  const equal = async (by: { readonly outputs: number; readonly rows: number }, shift: number) => {
    const y = await cut(convolution, signal, { lanes, taps, ...by, shift, calls: callCount });
    const total = y.length / lanes;
    for (let lane = 0; lane < lanes; lane++) {
      for (let n = 0; n < total; n++) {
        if (!Object.is(y[lane * total + n], reference[lane * compared + n])) return false;
      }
    }
    return true;
  };
  let shift = 0;
  for (const rows of callRows) {
    for (const outputs of plan.outputs === null ? callOutputs : [plan.outputs]) {
      // Every place within a cache line, in steps that share no factor with it.
      shift = (shift + 5) % laneBlock;
      if (!(await equal({ outputs, rows }, shift))) return false;
    }
  }
  if (!shared) return true;
  if (plan.outputs === null && !(await equal(longBatch, 0))) return false;
  const turned = signalOf(lanes, length, (lane, i) => noise((lane + turn) % lanes, i));
  const y = await cut(convolution, turned, whole);
  return y.every((value, i) => Object.is(value, reference[(i + turn * compared) % y.length]));
}

interface Cut {
  readonly lanes: number;
  readonly taps: number;
  readonly outputs: number;
  readonly rows: number;
  /** Cells between the beginning of the memory and that of the input and of the answer; where 0 the answer is fresh. */
  readonly shift?: number;
  /** At most so many calls; all of the signal where not given. */
  readonly calls?: number;
}

/**
 * Runs a signal `[lane][taps - 1 + total]` through calls of `rows` batch rows of `outputs` each and joins the answers to
 * `[lane][total]`, or what the calls gave of it. What is left over of the last call is zeros.
 */
async function cut(convolution: Convolution, signal: Float32Array, by: Cut): Promise<Float32Array> {
  const { lanes, outputs, rows, shift = 0, calls = Number.POSITIVE_INFINITY } = by;
  const known = signal.length / lanes;
  const total = Math.min(known - by.taps + 1, calls * rows * outputs);
  const length = by.taps - 1 + outputs;
  const joined = new Float32Array(lanes * total);
  for (let first = 0; first < total; first += rows * outputs) {
    const x = new Float32Array(shift + rows * lanes * length).subarray(shift);
    for (let row = 0; row < rows; row++) {
      const start = Math.min(first + row * outputs, known);
      const count = Math.min(length, known - start);
      for (let lane = 0; lane < lanes; lane++) {
        const place = lane % laneBlock;
        let at = (row * lanes + lane - place) * length + place;
        const from = lane * known + start;
        for (let i = from; i < from + count; i++, at += laneBlock) x[at] = signal[i]!;
      }
    }
    const into = shift === 0 ? undefined : new Float32Array(shift + rows * lanes * outputs).subarray(shift);
    const y = await convolution.run(x, rows, length, into);
    for (let row = 0; row < rows; row++) {
      const start = first + row * outputs;
      const count = Math.min(outputs, total - start);
      for (let lane = 0; lane < lanes; lane++) {
        const from = (row * lanes + lane) * outputs;
        const to = lane * total + start;
        for (let n = 0; n < count; n++) joined[to + n] = y[from + n]!;
      }
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
      expected: (w, x) => {
        const sums = new Float64Array(block);
        for (let n = 0; n < block; n++) {
          let sum = 0;
          for (let j = 0; j < taps; j++) sum += w[j]! * x[n + history - j]!;
          sums[n] = sum;
        }
        return sums;
      },
    },
  ];
}

function runningSum(taps: Float32Array): Float64Array {
  const sums = new Float64Array(taps.length);
  let sum = 0;
  for (let j = 0; j < taps.length; j++) {
    sum += taps[j]!;
    sums[j] = sum;
  }
  return sums;
}
