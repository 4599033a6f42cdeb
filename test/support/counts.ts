/**
 * How much a randomised suite does, and from which seed. `npm test` does the usual count, `npm run milestone` (which sets
 * FIRTREND_MILESTONE=1) the high one. Every suite prints its seed in its titles; FIRTREND_SEED repeats a run.
 */

const milestone = process.env.FIRTREND_MILESTONE === '1';

/** The count of this run. */
export function counts(usual: number, atMilestone: number): number {
  return milestone ? atMilestone : usual;
}

/** The seed of this run: another one each time, unless FIRTREND_SEED says which. */
export const seed = Number(process.env.FIRTREND_SEED ?? Date.now() % 1_000_000);
