/**
 * The x in [from, to] with the smallest f found: a scan of evenly spaced points, for f need not have one minimum only,
 * then scans between the neighbours of the best. Both ends are looked at.
 *
 * @param f of several x at once, for one pass over data costs little more for many than for one
 * @param points of a scan, ≥ 4
 * @param scans each after the first has 2/(points - 1) of the width of the one before
 */
export function scanMinimum(
  f: (x: Float64Array) => ArrayLike<number>,
  from: number,
  to: number,
  { points, scans }: { points: number; scans: number },
): number {
  let [low, high] = [from, to];
  let best = { x: from, value: Infinity };
  for (let scan = 0; scan < scans; scan++) {
    const step = (high - low) / (points - 1);
    const x = Float64Array.from({ length: points }, (_, i) => (i === points - 1 ? high : low + i * step));
    const values = f(x);
    for (let i = 0; i < points; i++) if (values[i]! < best.value) best = { x: x[i]!, value: values[i]! };
    low = Math.max(from, best.x - step);
    high = Math.min(to, best.x + step);
  }
  return best.x;
}
