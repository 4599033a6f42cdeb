/** Errors of averages, window by window as `errorsOf` gives them. */
import type { WindowLoss } from './windowLoss.ts';

/**
 * What `of` says of the errors of the moving averages of the newest 1, 2 … K samples: each by adding one sample more to
 * the sums of the one before.
 */
export function averageErrors<T>(
  loss: WindowLoss,
  taps: number,
  of: (errors: readonly Float64Array[]) => T,
): T[] {
  const sums = loss.channels.map(({ windows }) => new Float64Array(windows));
  return Array.from({ length: taps }, (_, j) => {
    loss.channels.forEach(({ recordings, unit }, c) => {
      const own = sums[c]!;
      let i = 0;
      for (const { x, y, from, runs } of recordings) {
        for (const [first, end] of runs) {
          for (let n = first; n < end; n++) own[i++]! += (x[n - j]! - y[n - from]!) / unit;
        }
      }
    });
    return of(sums.map((own) => own.map((sum) => sum / (j + 1))));
  });
}

/**
 * Of the exponential average `y += a·(x - y)`, which runs from the recording's first sample on and holds its state
 * across missing ones.
 */
export function exponentialErrors({ channels }: WindowLoss, a: number): Float64Array[] {
  return channels.map(({ recordings, windows, unit }) => {
    const errors = new Float64Array(windows);
    let i = 0;
    for (const { x, y, from, runs } of recordings) {
      let state = x.find((sample) => !Number.isNaN(sample)) ?? 0;
      let n = 0;
      for (const [first, end] of runs) {
        for (; n < end; n++) {
          const sample = x[n]!;
          if (!Number.isNaN(sample)) state += a * (sample - state);
          if (n >= first) errors[i++] = (state - y[n - from]!) / unit;
        }
      }
    }
    return errors;
  });
}

/** Of the ramp of K taps w[j] ∝ exp(-j/τ), by the recursion S ← S·exp(-1/τ) + newest - exp(-K/τ)·leaving. @param timeConstant τ, samples */
export function rampErrors({ channels }: WindowLoss, taps: number, timeConstant: number): Float64Array[] {
  const kept = timeConstant === 0 ? 0 : Math.exp(-1 / timeConstant);
  const left = kept ** taps;
  let total = 0;
  for (let j = 0; j < taps; j++) total += kept ** j;
  return channels.map(({ recordings, windows, unit }) => {
    const errors = new Float64Array(windows);
    let i = 0;
    for (const { x, y, from, runs } of recordings) {
      for (const [first, end] of runs) {
        // Without the level, whose digits the sum would lose.
        const level = x[first]!;
        let sum = 0;
        for (let n = first - taps + 1; n < end; n++) {
          sum = sum * kept + x[n]! - level;
          if (n < first) continue;
          if (n > first) sum -= left * (x[n - taps]! - level);
          errors[i++] = (sum / total + level - y[n - from]!) / unit;
        }
      }
    }
    return errors;
  });
}
