import type { Topic } from './topic.ts';

/** How many periods, or frames of the last one's length, may pass without samples. */
const periods = 5;

/** A network's pauses are no silence, however fast the sensor (ms). */
const least = 1000;

/**
 * Whether a stream has been silent for longer than it may.
 *
 * @param now on the monotonic clock (ms), as `heardAt`
 * @param after what the operator says (ms); otherwise five times the longer of a period and the last frame, one second
 *   or more
 */
export function silent(
  { rate, heardAt, frameSpan }: Pick<Topic, 'rate' | 'heardAt' | 'frameSpan'>,
  now: number,
  after: number | undefined,
): boolean {
  return now - heardAt > (after ?? Math.max(least, periods * Math.max(1000 / rate, frameSpan)));
}
