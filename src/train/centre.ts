import { type ChannelWindows, windowChunks } from './windows.ts';

/**
 * About how far a channel's newest samples are above their targets, in its unit: the mean over the first chunk that has
 * windows. Taken off first, a level between the two costs a bias no digits.
 *
 * @returns a float32 number, so that adding it to a target seldom rounds; 0 without a window
 */
export function centreOf(recordings: readonly ChannelWindows[]): number {
  for (const recording of recordings) {
    for (const { x, y, from, runs } of windowChunks(recording, recording.from)) {
      if (runs.length === 0) continue;
      let [total, count] = [0, 0];
      for (const [first, end] of runs) {
        for (let n = first; n < end; n++) total += x[n]! - y[n - from]!;
        count += end - first;
      }
      return Math.fround(total / count);
    }
  }
  return 0;
}

/** Targets moved by a centre: what is left of a sample's difference to one is about 0. */
export function centred(targets: Float64Array, centre: number): Float64Array {
  return centre === 0 ? targets : targets.map((target) => target + centre);
}
