import type { GridShape } from './layout.ts';
import type { Packed, PackedJob } from './pack.ts';

/** The trends of one job's rows. */
export interface TrendBlock {
  /** `[channel][row]`, float32; NaN is missing. It may be a view into memory shared with other blocks of its call. */
  readonly trend: Float32Array;
  /** `[channel][row]`, float32, 0 … 1: how much of the kernel meets samples; undefined where it is 1 throughout. */
  readonly coverage: Float32Array | undefined;
}

/** What turns sums into trends: `biases` holds one for all channels or one for each. */
export interface TrendRule {
  readonly biases: Float32Array;
  readonly minCoverage: number;
}

/**
 * Takes the trends of every job out of a call's answer, by the one rule of coverage, for each output by its window
 * alone: with nothing missing (an integer count) the trend is the convolution itself and coverage exactly 1; otherwise
 * the convolution of the samples is divided, in float32, by that of the mask, and is missing below `minCoverage`.
 *
 * @param y `[batch row][lane][T]`, fresh memory: it is written to and becomes the trends where it lies right
 */
export function unpack(packed: Packed, y: Float32Array, shape: GridShape, rule: TrendRule): TrendBlock[] {
  const outputs = packed.length - shape.taps + 1;
  return packed.jobs.map((job) => {
    const trend = gather(job, y, outputs);
    const coverage = job.masks && new Float32Array(trend.length).fill(1);
    for (let c = 0; c < job.channels; c++) {
      const mask = job.masks?.[c] ?? -1;
      if (coverage && mask >= 0) divide(job, c, mask, { packed, y, outputs, rule, trend, coverage });
      const bias = rule.biases[rule.biases.length === 1 ? 0 : c]!;
      if (bias === 0) continue;
      for (let i = c * job.rows; i < (c + 1) * job.rows; i++) trend[i] = trend[i]! + bias;
    }
    saturate(trend);
    return { trend, coverage };
  });
}

/** The job's outputs as `[channel][row]`: a view where the slots already lie so, else a copy. */
function gather({ place, channels, rows }: PackedJob, y: Float32Array, outputs: number): Float32Array {
  const { slot, blocks, channelStep, blockStep } = place;
  const planar = blocks === 1 ? channelStep === 1 : blockStep === 1;
  if (planar && blocks * outputs === rows)
    return y.subarray(slot * outputs, slot * outputs + channels * rows);
  const trend = new Float32Array(channels * rows);
  for (let c = 0; c < channels; c++) {
    for (let b = 0; b < blocks; b++) {
      const from = (slot + c * channelStep + b * blockStep) * outputs;
      const count = Math.min(outputs, rows - b * outputs);
      trend.set(y.subarray(from, from + count), c * rows + b * outputs);
    }
  }
  return trend;
}

interface Division {
  readonly packed: Packed;
  readonly y: Float32Array;
  readonly outputs: number;
  readonly rule: TrendRule;
  readonly trend: Float32Array;
  readonly coverage: Float32Array;
}

/** Replaces the sums of one channel by weighted means wherever the window of an output has a missing sample. */
function divide({ place, rows }: PackedJob, channel: number, mask: number, d: Division): void {
  const { x, length } = d.packed;
  const history = length - d.outputs;
  for (let b = 0; b < place.blocks; b++) {
    const slot = mask + b * place.blockStep;
    const from = slot * length;
    let present = 0;
    for (let i = from; i < from + history; i++) present += x[i]!;
    for (let t = 0; t < d.outputs && b * d.outputs + t < rows; t++) {
      present += x[from + history + t]!;
      if (present <= history) {
        const at = channel * rows + b * d.outputs + t;
        const covered = d.y[slot * d.outputs + t]!;
        d.coverage[at] = Math.min(covered, 1);
        d.trend[at] = covered >= d.rule.minCoverage ? d.trend[at]! / covered : Number.NaN;
      }
      present -= x[from + t]!;
    }
  }
}

const largest = (2 - 2 ** -23) * 2 ** 127;

/**
 * A mean of samples at float32's very end (a sensor's FLT_MAX for "none") may round to ±Infinity, and only there can a
 * sum overflow: the largest float32 is then within the promised error, and no trend but a missing one is not a number.
 */
function saturate(trend: Float32Array): void {
  for (let i = 0; i < trend.length; i++) {
    const value = trend[i]!;
    if (Math.abs(value) === Number.POSITIVE_INFINITY) trend[i] = Math.sign(value) * largest;
  }
}
