/** Whether one model is better than another on the same held-out data, beyond chance. */
import { normalised } from '../dsp/kernel.ts';
import { aligned } from './aligned.ts';
import { type JudgedModel, mustServe } from './evaluate.ts';
import { type Divisors, trainingLoss } from './loss.ts';
import type { AnyRecording } from './recording.ts';
import { withReferences } from './references.ts';
import { type Scratch, withScratch } from './scratch.ts';
import { splitWindows } from './split.ts';
import { studentT } from './studentT.ts';
import { parseTarget } from './targets.ts';
import { type ChannelWindows, windowChunks } from './windows.ts';

export interface Comparison {
  /** Held-out losses on the same windows, by the newest sample alone on the training part. */
  readonly candidate: number;
  readonly inForce: number;
  /** candidate - inForce; below 0 the candidate is better. */
  readonly difference: number;
  /** 95 %, of the difference; null where there are too few blocks. */
  readonly interval: readonly [low: number, high: number] | null;
  readonly blocks: number;
  /** Of a block, samples. */
  readonly blockSamples: number;
  readonly better: boolean;
  /** In plain words. */
  readonly reason: string;
}

/** Fewer say nothing: with 5 blocks the interval is 2.8 standard errors wide on either side. */
const fewestBlocks = 5;

/** Samples of a block in lengths of the longer kernel: what one window shares with the next block is then small. */
const kernelsPerBlock = 4;

/**
 * Compares two models on the held-out part of recordings, paired: the held-out samples, all recordings in a row, are cut
 * into B equal blocks of at least 4 K samples, D_b is the share of block b in the difference of the two losses (their sum
 * is the difference itself), and the interval is Σ D ± t·√B·s, s the standard deviation of the D_b and t the 97.5 %
 * quantile of Student's with B - 1 degrees of freedom: the method of batch means (Conway 1963; Law, Simulation Modeling
 * and Analysis, 9.5.3), which needs blocks long beside the memory of the errors, not independent samples. Windows are
 * those complete for the longer of the two kernels.
 *
 * @throws FirtrendError as `evaluate` does
 */
export function compare(
  recordings: readonly AnyRecording[],
  candidate: JudgedModel,
  inForce: JudgedModel,
  options: CompareOptions,
): Comparison {
  return withScratch((scratch) => compareOn(recordings, candidate, inForce, options, scratch));
}

interface CompareOptions {
  readonly target: string;
  readonly holdout: number;
  readonly fill: number;
}

function compareOn(
  recordings: readonly AnyRecording[],
  candidate: JudgedModel,
  inForce: JudgedModel,
  options: CompareOptions,
  scratch: Scratch,
): Comparison {
  const { rate, recordings: columns } = aligned(recordings);
  const target = parseTarget(options.target, rate);
  const data = withReferences(columns, target);
  for (const model of [candidate, inForce]) mustServe(model, data[0]!.channels);
  const taps = Math.max(...[candidate, inForce].map(({ kernels }) => kernels[0]!.taps.length));
  const split = splitWindows(data, target, taps, options.holdout, options.fill, scratch);
  const { divisors } = trainingLoss(split.train, taps, target.kind === 'column' ? 'target' : 'newest');

  const starts = data.map((_, r) => heldOutBefore(split.heldOut[0]!, r));
  const samples = heldOutBefore(split.heldOut[0]!, data.length);
  const blocks = Math.max(1, Math.floor(samples / (kernelsPerBlock * taps)));
  const shares = [candidate, inForce].map((model) =>
    blockLosses(
      split.heldOut,
      divisors,
      model,
      (r, row) => Math.floor(((starts[r]! + row) * blocks) / samples),
      blocks,
    ),
  );
  const [ours, theirs] = shares.map((share) => share.reduce((a, b) => a + b, 0)) as [number, number];
  const differences = shares[0]!.map((share, b) => share - shares[1]![b]!);
  const interval = blocks < fewestBlocks ? null : batchMeansInterval(differences);
  const better = interval !== null && interval[1] < 0;
  return {
    candidate: ours,
    inForce: theirs,
    difference: ours - theirs,
    interval,
    blocks,
    blockSamples: Math.floor(samples / blocks),
    better,
    reason: reason(ours, theirs, interval, blocks, kernelsPerBlock * taps),
  };
}

/** The 95 % interval of a sum of equally distributed, nearly independent terms. */
export function batchMeansInterval(terms: Float64Array): [low: number, high: number] {
  const count = terms.length;
  const total = terms.reduce((a, b) => a + b, 0);
  const squares = terms.reduce((sum, term) => sum + (term - total / count) ** 2, 0);
  const half = studentT(0.95, count - 1) * Math.sqrt((count * squares) / (count - 1));
  return [total - half, total + half];
}

/** Samples held out of the recordings before the r-th. */
function heldOutBefore(parts: readonly ChannelWindows[], r: number): number {
  return parts.slice(0, r).reduce((total, { y }) => total + y.length, 0);
}

/** The loss of a model on the held-out part, by block: they add up to it. */
function blockLosses(
  channels: readonly (readonly ChannelWindows[])[],
  divisors: Divisors,
  { kernels }: JudgedModel,
  blockOf: (recording: number, row: number) => number,
  blocks: number,
): Float64Array {
  const losses = new Float64Array(blocks);
  const windows = channels.map((parts) => parts.reduce((total, { used }) => total + used, 0));
  const taken = windows.filter((count, c) => count > 0 && divisors[c] !== null).length;
  channels.forEach((parts, c) => {
    const divisor = divisors[c];
    if (typeof divisor !== 'number') return;
    const { taps, bias } = kernels[c] ?? kernels[0]!;
    const w = normalised(taps);
    parts.forEach((part, r) => {
      for (const { base, x, y, from, runs } of windowChunks(part, part.from)) {
        for (const [first, end] of runs) {
          for (let n = first; n < end; n++) {
            let error = bias - y[n - from]!;
            for (let j = 0; j < w.length; j++) error += w[j]! * x[n - j]!;
            losses[blockOf(r, base + n - part.from)]! += (error * error) / (divisor * windows[c]! * taken);
          }
        }
      }
    });
  });
  return losses;
}

function reason(
  candidate: number,
  inForce: number,
  interval: Comparison['interval'],
  blocks: number,
  blockSamples: number,
): string {
  const losses = `the candidate's held-out loss is ${candidate.toPrecision(4)}, that of the model in force ${inForce.toPrecision(4)}`;
  if (interval === null) {
    return `${losses}, but the held-out part gives ${blocks} blocks of ${blockSamples} samples, too few to tell skill from luck (${fewestBlocks} are needed).`;
  }
  const [low, high] = interval.map((end) => end.toPrecision(3));
  const between = `the difference lies between ${low} and ${high} (95 %, ${blocks} blocks)`;
  if (interval[1] < 0) return `${losses}; ${between}, so it is better.`;
  if (interval[0] > 0) return `${losses}; ${between}, so it is worse.`;
  return `${losses}; ${between}, which holds 0: the data do not show that it is better.`;
}
