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
  /** The seq of the sample at `time`; times in the unit of `period`. Throws `timeBackwards`, `timeValue`. */
  push(time: number): number;
  /** A clock of its own that goes on from the same place: to try times out. */
  copy(): SlotClock;
}

/**
 * @param period time between samples, > 0, in the unit of the times
 * @param jitter J over the whole recording ({@link recordedJitter}); leave it out for a live source, where it is the
 *   most of the last 1,024 steps
 */
export function slotClock(period: number, jitter?: number): SlotClock {
  return clockFrom(period, jitter, { seq: -1, expected: 0, previous: Number.NaN, early: [], most: 0 });
}

/** Where a clock is. */
interface Place {
  readonly seq: number;
  readonly expected: number;
  readonly previous: number;
  /** How early the last samples came, and the most of it: empty where the whole recording is known. */
  readonly early: readonly number[];
  readonly most: number;
}

function clockFrom(period: number, jitter: number | undefined, place: Place): SlotClock {
  let { seq, expected, previous, most } = place;
  const early = [...place.early];

  function currentJitter(time: number): number {
    if (jitter !== undefined) return jitter;
    const newest = earliness(time - previous, period);
    early.push(newest);
    most = Math.max(most, newest);
    const gone = early.length > liveJitterSteps ? early.shift()! : 0;
    if (gone === most && gone > 0) most = early.reduce((a, b) => Math.max(a, b), 0);
    return most;
  }

  return {
    copy: () => clockFrom(period, jitter, { seq, expected, previous, early, most }),
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

/** J of a whole recording: the most any sample came early. One pass over the times. */
export function recordedJitter(times: Iterable<number>, period: number): number {
  let most = 0;
  for (const step of steps(times)) most = Math.max(most, earliness(step, period));
  return most;
}

/** So many steps, evenly spread, tell the median step of a longer recording. */
const mostMedianSteps = 2 ** 17;

/**
 * The period of a recording: the mean of the steps that lie within half of the median step, so that neither lost
 * samples nor rounded stamps move it. Needs at least two times; throws `timeConstant` where they do not advance.
 *
 * @param times read twice, from the beginning
 */
export function recordedPeriod(times: Iterable<number>): number {
  const median = medianStep(times);
  if (!(median > 0)) {
    throw new FirtrendError(
      'timeConstant',
      `time: expected stamps that advance, got a median step of ${median}`,
    );
  }
  let total = 0;
  let count = 0;
  for (const step of steps(times)) {
    if (Math.abs(step - median) > median / 2) continue;
    total += step;
    count++;
  }
  return total / count;
}

/** The upper median of the steps, or of every 2nd, 4th, … where there are more than are worth holding. */
function medianStep(times: Iterable<number>): number {
  let held: number[] = [];
  let stride = 1;
  let index = 0;
  for (const step of steps(times)) {
    if (index++ % stride !== 0) continue;
    held.push(step);
    if (held.length < mostMedianSteps) continue;
    held = held.filter((_, i) => i % 2 === 0);
    stride *= 2;
  }
  return Float64Array.from(held).sort()[held.length >> 1] ?? 0;
}

function* steps(times: Iterable<number>): Generator<number> {
  let previous: number | undefined;
  for (const time of times) {
    if (previous !== undefined) yield time - previous;
    previous = time;
  }
}

/** The seq of every row of a recording, from its times alone (any unit). Throws `timeBackwards`, `timeConstant`. */
export function slots(
  times: ArrayLike<number> & Iterable<number>,
  period: number = recordedPeriod(times),
): Float64Array {
  const clock = slotClock(period, recordedJitter(times, period));
  return Float64Array.from(times, (time) => clock.push(time));
}
