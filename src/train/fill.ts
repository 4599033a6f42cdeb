import type { Samples } from './samples.ts';

/**
 * The samples with holes of up to `longest` samples bridged by a straight line between their neighbours; longer holes,
 * and those at either end, stay. For the inputs of windows alone: a target is never made up. (The line looks at the
 * sample after the hole, which a live filter cannot: keep holes short beside the period or the forecast.)
 *
 * @param x samples at equal steps; NaN is missing
 * @param longest ≥ 0 samples
 * @returns `x` itself where nothing is to be filled
 */
export function filled(x: Samples, longest: number): Samples {
  if (longest === 0) return x;
  return {
    length: x.length,
    read(from, to) {
      // A hole that reaches in from outside ends within `longest` samples, or is longer than that.
      const base = Math.max(0, from - longest - 1);
      const y = x.read(base, Math.min(x.length, to + longest + 1)).slice();
      bridge(y, longest);
      return y.subarray(from - base, to - base);
    },
  };
}

function bridge(y: Float64Array, longest: number): void {
  let last = -1;
  for (let n = 0; n < y.length; n++) {
    const value = y[n]!;
    if (Number.isNaN(value)) continue;
    const hole = n - last - 1;
    if (last >= 0 && hole > 0 && hole <= longest) {
      for (let i = 1; i <= hole; i++) y[last + i] = (y[last]! * (hole + 1 - i) + value * i) / (hole + 1);
    }
    last = n;
  }
}
