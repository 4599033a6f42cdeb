/** The lower triangular factor L of a symmetric positive definite matrix that grows and shrinks row by row. */
export interface Cholesky {
  readonly size: number;
  /**
   * One row and column more: `entries[i]` against row i < size, and the diagonal last.
   * @returns false, with nothing changed, where the matrix would no longer be positive definite in float64
   */
  append(entries: ArrayLike<number>): boolean;
  /** Keeps the first `size` rows. */
  truncate(size: number): void;
  /** x with LL'x = b. */
  solve(b: ArrayLike<number>): Float64Array;
}

/** Pivots below this share of their diagonal are rounding. */
const smallestPivot = 1e-14;

export function cholesky(): Cholesky {
  const rows: Float64Array[] = [];
  return {
    get size() {
      return rows.length;
    },
    append(entries) {
      const n = rows.length;
      const row = new Float64Array(n + 1);
      let pivot = entries[n]!;
      for (let j = 0; j < n; j++) {
        const other = rows[j]!;
        let value = entries[j]!;
        for (let k = 0; k < j; k++) value -= row[k]! * other[k]!;
        row[j] = value / other[j]!;
        pivot -= row[j]! * row[j]!;
      }
      if (!(pivot > smallestPivot * entries[n]!)) return false;
      row[n] = Math.sqrt(pivot);
      rows.push(row);
      return true;
    },
    truncate(size) {
      rows.length = size;
    },
    solve(b) {
      const x = Float64Array.from(rows, (_, i) => b[i]!);
      rows.forEach((row, i) => {
        for (let k = 0; k < i; k++) x[i]! -= row[k]! * x[k]!;
        x[i]! /= row[i]!;
      });
      for (let i = rows.length - 1; i >= 0; i--) {
        x[i]! /= rows[i]![i]!;
        for (let k = 0; k < i; k++) x[k]! -= rows[i]![k]! * x[i]!;
      }
      return x;
    },
  };
}
