/** What is to be learned, or judged: a problem for each kernel. */
import type { Family } from '../dsp/families.ts';
import { channelLosses, type Divisors, mustLearn, trainingLoss } from './loss.ts';
import type { ErrorLoss } from './losses/errorLoss.ts';
import { scalesOf, type Yardstick } from './losses/scales.ts';
import type { Judge, Objective } from './objective.ts';
import { quadraticObjective } from './quadraticObjective.ts';
import { mostWindows, type Split } from './split.ts';
import { windowObjective } from './windowed/windowObjective.ts';

/** One kernel and the channels that share it. */
export interface Problem {
  readonly family: Family;
  /** The largest Σ j·w[j], samples; Infinity is no limit. */
  readonly maxLag: number;
  readonly objective: Objective;
  /** The loss of the held-out part; null where that is too little. */
  readonly heldOut: Judge | null;
}

export interface Task {
  readonly loss: ErrorLoss;
  readonly yardstick: Yardstick;
  /** K. */
  readonly taps: number;
  readonly family: Family;
  readonly bias: boolean;
  readonly maxLag: number;
  readonly perChannel: boolean;
  /** The share that was held out. */
  readonly holdout: number;
}

/** A held-out part with fewer windows than this says nothing. */
const fewestHeldOut = 100;

/**
 * @returns a problem, or with `perChannel` one for each channel; the divisors of all channels; and why nothing is judged
 *   on the held-out part, where so
 * @throws FirtrendError `nothingToLearn` where every channel is left out
 */
export function problemsOf(
  split: Split,
  task: Task,
): { readonly problems: Problem[]; readonly divisors: Divisors; readonly heldOutReason?: string } {
  const { family, maxLag, perChannel } = task;
  const parts = perChannel
    ? split.train.map((own, c) => ({ train: [own], heldOut: [split.heldOut[c]!] }))
    : [split];
  const objectives = parts.map(({ train }) => objectiveOf(train, task));
  const divisors = objectives.flatMap((objective) => objective.divisors);
  mustLearn(divisors, task.yardstick);
  const heldOutReason = whyNotHeldOut(split, task.holdout, divisors);
  const problems = parts.map(({ heldOut }, i) => {
    const objective = objectives[i]!;
    const some = heldOutReason === undefined && mostWindows(heldOut) > 0;
    return { family, maxLag, objective, heldOut: some ? objective.over(heldOut) : null };
  });
  return { problems, divisors, ...(heldOutReason !== undefined && { heldOutReason }) };
}

function objectiveOf(channels: Split['train'], { loss, bias, taps, yardstick, perChannel }: Task): Objective {
  if (loss.name !== 'mse') {
    return windowObjective(loss, bias, channels, scalesOf(loss, channels, yardstick), taps);
  }
  const train = perChannel
    ? channelLosses(channels, taps, yardstick, bias)[0]!
    : trainingLoss(channels, taps, yardstick, bias);
  return quadraticObjective(channels, train, bias);
}

function whyNotHeldOut(split: Split, holdout: number, divisors: Divisors): string | undefined {
  if (holdout === 0) return 'nothing was held out';
  const windows = mostWindows(split.heldOut.filter((_, c) => divisors[c] !== null));
  if (windows >= fewestHeldOut) return undefined;
  return `the held-out part has ${windows} windows with a target, fewer than ${fewestHeldOut}`;
}
