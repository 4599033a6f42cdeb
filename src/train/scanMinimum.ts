/**
 * The x in [from, to] with the smallest f found: a scan of evenly spaced points, for f need not have one minimum only,
 * then scans between the neighbours of the best. Both ends are looked at.
 *
 * @param f of several x at once, for one pass over data costs little more for many than for one
 * @param points of the first scan, ≥ 4: so fine that no minimum lies hidden between two
 * @param finer of each later scan, ≥ 4, which has 2 intervals of the one before as its width
 */
export function scanMinimum(
  f: (x: Float64Array) => ArrayLike<number>,
  from: number,
  to: number,
  { points, scans, finer = points }: { points: number; scans: number; finer?: number },
): number {
  let [low, high] = [from, to];
  let best = { x: from, value: Infinity };
  for (let scan = 0; scan < scans; scan++) {
    const length = scan === 0 ? points : finer;
    const step = (high - low) / (length - 1);
    const x = Float64Array.from({ length }, (_, i) => (i === length - 1 ? high : low + i * step));
    const values = f(x);
    for (let i = 0; i < length; i++) if (values[i]! < best.value) best = { x: x[i]!, value: values[i]! };
    low = Math.max(from, best.x - step);
    high = Math.min(to, best.x + step);
  }
  return best.x;
}
