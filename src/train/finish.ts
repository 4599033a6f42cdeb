import { normalised, storedTaps } from '../dsp/kernel.ts';
import type { Polished } from './polish.ts';
import { lagOf } from './vertices.ts';

/** Rounding moves a lag by parts of 2^-24 of it: a few rounds reach the limit from below. */
const rounds = 40;

/**
 * Polished taps as the file holds them: float32, and with a lag of at most `maxLag` even so. Rounding may carry them over
 * the limit; then the next aim is lower by twice the excess.
 *
 * @param polish the best of the family with a lag of at most `aim` samples
 * @param maxLag ≥ 0 samples; Infinity is no limit
 */
export function finish(
  polish: (aim: number) => Polished,
  maxLag: number,
): { readonly taps: Float32Array } & Pick<Polished, 'timeConstant'> {
  let aim = maxLag;
  for (let round = 0; ; round++) {
    const { taps: best, timeConstant } = polish(aim);
    const taps = storedTaps(best);
    const excess = lagOf(normalised(taps)) - maxLag;
    // Below the lag that the file's smallest taps have, none can be reached.
    if (!(excess > 0) || aim === 0 || round === rounds) {
      return { taps, ...(timeConstant !== undefined && { timeConstant }) };
    }
    aim = Math.max(0, Math.min(aim, maxLag) - 2 * excess);
  }
}
