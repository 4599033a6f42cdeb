/**
 * The samples with holes of up to `longest` samples bridged by a straight line between their neighbours; longer holes,
 * and those at either end, stay. For the inputs of windows alone: a target is never made up. (The line looks at the
 * sample after the hole, which a live filter cannot: keep holes short beside the period or the forecast.)
 *
 * @param x samples at equal steps; NaN is missing
 * @param longest ≥ 0 samples
 * @returns `x` itself where nothing is to be filled
 */
export function filled(x: Float64Array, longest: number): Float64Array {
  if (longest === 0) return x;
  const y = Float64Array.from(x);
  let last = -1;
  x.forEach((value, n) => {
    if (Number.isNaN(value)) return;
    const hole = n - last - 1;
    if (last >= 0 && hole <= longest) {
      for (let i = 1; i <= hole; i++) y[last + i] = (x[last]! * (hole + 1 - i) + value * i) / (hole + 1);
    }
    last = n;
  });
  return y;
}
