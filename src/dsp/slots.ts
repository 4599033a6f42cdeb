/**
 * The clock: from time stamps to seq. `seq` is the only clock of the filter; times are carried, never used by it.
 *
 * With expected time c, e = t - c, and J the most any sample came early against its predecessor, τ = max(period/2,
 * 1.5·J): e > τ means round(e/period) samples are missing; e < -τ - period means that time runs backwards; otherwise
 * the sample has the next seq, and c drifts after the clock by e/16 (a source's clock is never exactly ours).
 */
import { FirtrendError } from './error.ts';

/** How many steps back jitter is remembered where the whole recording is not at hand. */
const liveJitterSteps = 1024;

export interface SlotClock {
  /** The seq of the sample at `time`; times in the unit of `period`. Throws `timeBackwards`. */
  push(time: number): number;
}

/**
 * @param period time between samples, > 0, in the unit of the times
 * @param jitter J over the whole recording ({@link recordedJitter}); leave it out for a live source, where it is the
 *   most of the last 1,024 steps
 */
export function slotClock(period: number, jitter?: number): SlotClock {
  let seq = -1;
  let expected = 0;
  let previous = Number.NaN;
  const early: number[] = [];

  function currentJitter(time: number): number {
    if (jitter !== undefined) return jitter;
    early.push(earliness(time - previous, period));
    if (early.length > liveJitterSteps) early.shift();
    return early.reduce((a, b) => Math.max(a, b), 0);
  }

  return {
    push(time) {
      if (!Number.isFinite(time)) {
        throw new FirtrendError('timeValue', `time: expected a finite number, got ${time}`);
      }
      if (seq < 0) {
        expected = time + period;
        previous = time;
        seq = 0;
        return seq;
      }
      const tolerance = Math.max(period / 2, 1.5 * currentJitter(time));
      const error = time - expected;
      if (error < -tolerance - period) {
        throw new FirtrendError(
          'timeBackwards',
          `time: expected about ${expected} (one period of ${period} after the sample before), got ${time}: time runs backwards`,
        );
      }
      previous = time;
      if (error > tolerance) {
        seq += 1 + Math.round(error / period);
        expected = time + period;
      } else {
        seq += 1;
        expected += period + error / 16;
      }
      return seq;
    },
  };
}

/**
 * How much earlier than one period after its predecessor a sample came: 0 … period. Lost samples cannot make a sample
 * early, so this measures jitter; and a clock set back is no jitter, so a step below 0 counts as 0 (without that
 * bound, a clock set back by an hour would raise the tolerance by an hour and a half and never be noticed).
 */
function earliness(step: number, period: number): number {
  return Math.min(Math.max(period - step, 0), period);
}

/** J of a whole recording: the most any sample came early. */
function recordedJitter(times: ArrayLike<number>, period: number): number {
  let most = 0;
  for (let i = 1; i < times.length; i++) most = Math.max(most, earliness(times[i]! - times[i - 1]!, period));
  return most;
}

/**
 * The period of a recording: the mean of the steps that lie within half of the median step, so that neither lost
 * samples nor rounded stamps move it. Needs at least two times; throws `timeConstant` where they do not advance.
 */
export function recordedPeriod(times: ArrayLike<number>): number {
  const steps = Float64Array.from(
    { length: Math.max(0, times.length - 1) },
    (_, i) => times[i + 1]! - times[i]!,
  );
  const median = Float64Array.from(steps).sort()[steps.length >> 1] ?? 0;
  if (!(median > 0)) {
    throw new FirtrendError(
      'timeConstant',
      `time: expected stamps that advance, got a median step of ${median}`,
    );
  }
  const usual = steps.filter((step) => Math.abs(step - median) <= median / 2);
  return usual.reduce((a, b) => a + b, 0) / usual.length;
}

/** The seq of every row of a recording, from its times alone (any unit). Throws `timeBackwards`, `timeConstant`. */
export function slots(times: ArrayLike<number>, period: number = recordedPeriod(times)): Float64Array {
  const clock = slotClock(period, recordedJitter(times, period));
  return Float64Array.from(times, (time) => clock.push(time));
}
