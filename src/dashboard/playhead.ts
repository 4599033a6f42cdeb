/**
 * The time at the right edge of a plot: it moves evenly with the page's clock and keeps just behind the newest row, so
 * that frames that come in bursts do not make the picture jerk.
 */
export interface Playhead {
  /** @param newest time of the newest row (s) @param now of the page (s) */
  at(newest: number, now: number): number;
  reset(): void;
}

/** How far it keeps behind the newest row, of which some comes late (s). */
const behind = 0.12;
/** After so long without a new row (s) it comes up to the newest: nothing more is about to come late. */
const settle = 0.25;
/** Further off than this (s) it jumps. */
const jump = 1.5;
/** It may run so much faster or slower than the clock. */
const slew = 0.1;

export function playhead(): Playhead {
  let head = Number.NaN;
  let before = 0;
  let last = Number.NaN;
  let changed = 0;
  return {
    at(newest, now) {
      const passed = Math.max(0, now - before);
      before = now;
      if (newest !== last) changed = now;
      last = newest;
      const wanted = now - changed > settle ? newest : newest - behind;
      // Where no rows come it stops: what is old is not to look live.
      const moved = Math.min(head + passed, newest);
      const off = wanted - moved;
      if (Number.isNaN(head) || Math.abs(off) > jump) head = wanted;
      else head = moved + Math.max(-slew, Math.min(slew, off)) * Math.min(1, 2 * passed);
      return head;
    },
    reset() {
      head = Number.NaN;
    },
  };
}
