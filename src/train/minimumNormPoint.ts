import { normalised } from '../dsp/kernel.ts';
import { cholesky } from './cholesky.ts';
import { lowestVertex, type Vertices } from './vertices.ts';

/** A point whose share at the start is below this part of the largest one begins outside the active set. */
const startShare = 1e-3;

/**
 * The mixture u ≥ 0, Σ u = 1 of points, within a polytope of such mixtures, that minimises u'Qu, by Wolfe's active-set method (Finding the nearest point in a
 * polytope, 1976): the best affine combination of the active vertices, of which those that would turn negative leave,
 * then the vertex v with the smallest v'Qu enters, until none would help.
 *
 * @param gram Q, n × n, symmetric positive semidefinite: the products of the points
 * @param start u from which to begin (Σ = 1): what of it lies on vertices that are points
 * @param corners the polytope's vertices, single points first, the first of them point 0
 */
export function minimumNormPoint(gram: Float64Array, start: Float64Array, corners: Vertices): Float64Array {
  const n = start.length;
  const largest = start.reduce((a, b) => Math.max(a, b), 0);
  let active: number[] = [];
  let weights: number[] = [];
  const factor = cholesky();
  const { a, b, share } = corners;
  // Adding c·11' to Q changes nothing where Σ u = 1, and makes it definite where Q alone is not.
  const lift = meanDiagonal(gram, n);

  function product(v: number, w: number): number {
    const row = (point: number) =>
      share[w]! * gram[point * n + a[w]!]! + (1 - share[w]!) * gram[point * n + b[w]!]!;
    return share[v]! * row(a[v]!) + (1 - share[v]!) * row(b[v]!);
  }

  /** Adds a vertex to the active set; false where it is an affine combination of those already there. */
  function enter(vertex: number, weight: number): boolean {
    if (!factor.append([...active, vertex].map((other) => product(vertex, other) + lift))) return false;
    active.push(vertex);
    weights.push(weight);
    return true;
  }

  /** Moves to the best combination of the active vertices that has no negative weight. */
  function settle(): void {
    for (;;) {
      const best = normalised(factor.solve(new Float64Array(active.length).fill(1)));
      if (best.every((weight) => weight > 0)) {
        weights = [...best];
        return;
      }
      const ways = weights.map((weight, i) => (best[i]! > 0 ? Infinity : weight / (weight - best[i]!)));
      const leaving = ways.indexOf(Math.min(...ways));
      // Not a number: the products are nothing but rounding, and what is reached is as good as any.
      if (leaving < 0) return;
      const way = ways[leaving]!;
      const moved = weights.map((weight, i) => (i === leaving ? 0 : weight + way * (best[i]! - weight)));
      keep(moved);
    }
  }

  /** The active set without the vertices of weight 0. */
  function keep(moved: readonly number[]): void {
    const previous = active;
    const first = moved.findIndex((weight) => weight <= 0);
    active = previous.slice(0, first);
    weights = moved.slice(0, first);
    factor.truncate(first);
    for (let i = first; i < previous.length; i++) if (moved[i]! > 0) enter(previous[i]!, moved[i]!);
  }

  start.forEach((weight, vertex) => {
    if (weight > startShare * largest && a[vertex] === vertex && b[vertex] === vertex) enter(vertex, weight);
  });
  if (active.length === 0) enter(0, 1);
  settle();
  // Products that are nothing but rounding may let no vertex in.
  if (active.length === 0) return scattered(corners, [0], [1], n);
  let u = scattered(corners, active, weights, n);
  let slopes = times(gram, u);
  for (;;) {
    const value = dot(u, slopes);
    const { vertex: entering } = lowestVertex(corners, slopes);
    if (active.includes(entering) || !enter(entering, 0)) return u;
    settle();
    if (active.length === 0) return u;
    const next = scattered(corners, active, weights, n);
    slopes = times(gram, next);
    // In exact arithmetic each round lowers the value; once it does not, what is left is rounding.
    if (!(dot(next, slopes) < value)) return u;
    u = next;
  }
}

function meanDiagonal(gram: Float64Array, n: number): number {
  let total = 0;
  for (let i = 0; i < n; i++) total += gram[i * n + i]!;
  return total / n;
}

/** The weights of the points in a mixture of vertices. */
function scattered(
  { a, b, share }: Vertices,
  active: readonly number[],
  weights: readonly number[],
  n: number,
): Float64Array {
  const u = new Float64Array(n);
  active.forEach((vertex, i) => {
    u[a[vertex]!]! += share[vertex]! * weights[i]!;
    u[b[vertex]!]! += (1 - share[vertex]!) * weights[i]!;
  });
  return normalised(u);
}

function times(gram: Float64Array, u: Float64Array): Float64Array {
  const n = u.length;
  return u.map((_, i) => dot(gram.subarray(i * n, i * n + n), u));
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((total, value, i) => total + value * b[i]!, 0);
}
