/**
 * The n-th smallest of numbers, counted from 0, by Hoare's selection (Algorithm 65, 1961): a part of the time that
 * sorting takes.
 *
 * @param values left as they are
 */
export function nthSmallest(values: Float64Array, n: number): number {
  const work = Float64Array.from(values);
  let [low, high] = [0, work.length - 1];
  while (low < high) {
    const pivot = middleOf(work[low]!, work[(low + high) >> 1]!, work[high]!);
    let [i, j] = [low, high];
    while (i <= j) {
      while (work[i]! < pivot) i++;
      while (work[j]! > pivot) j--;
      if (i > j) break;
      const swapped = work[i]!;
      work[i++] = work[j]!;
      work[j--] = swapped;
    }
    // low … j are at most the pivot, i … high at least; what lies between is the pivot itself.
    if (n <= j) high = j;
    else if (n >= i) low = i;
    else return pivot;
  }
  return work[n]!;
}

function middleOf(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}
