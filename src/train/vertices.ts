/**
 * The vertices of a class of kernels as mixtures of its hull's points: the points themselves, or where the lag is
 * limited, those within the limit and, between each point within it and each beyond, the mixture that has the limit.
 */
export interface Vertices {
  /** Vertex v is `share[v]` of point `a[v]` and the rest of point `b[v]`. */
  readonly a: Int32Array;
  readonly b: Int32Array;
  readonly share: Float64Array;
}

/**
 * @param lags of the points in samples, rising from 0
 * @param maxLag D ≥ 0: Σ j·w[j] ≤ D; Infinity is no limit
 */
export function vertices(lags: Float64Array, maxLag: number): Vertices {
  const within = lags.findLastIndex((lag) => lag <= maxLag) + 1;
  // A point on the limit itself is a vertex already.
  const below = lags[within - 1] === maxLag ? within - 1 : within;
  const size = within + below * (lags.length - within);
  const found = { a: new Int32Array(size), b: new Int32Array(size), share: new Float64Array(size).fill(1) };
  for (let v = 0; v < within; v++) found.a[v] = found.b[v] = v;
  let v = within;
  for (let a = 0; a < below; a++) {
    for (let b = within; b < lags.length; b++, v++) {
      found.a[v] = a;
      found.b[v] = b;
      found.share[v] = (lags[b]! - maxLag) / (lags[b]! - lags[a]!);
    }
  }
  return found;
}

/** The vertex on which a linear function is smallest, and its value there. @param scores its value on each point */
export function lowestVertex(
  { a, b, share }: Vertices,
  scores: ArrayLike<number>,
): { readonly vertex: number; readonly value: number } {
  let vertex = 0;
  let value = Infinity;
  for (let v = 0; v < share.length; v++) {
    const here = share[v]! * scores[a[v]!]! + (1 - share[v]!) * scores[b[v]!]!;
    if (here < value) [vertex, value] = [v, here];
  }
  return { vertex, value };
}

/** Σ j·w[j] of taps with Σ w = 1, newest first (samples). */
export function lagOf(w: ArrayLike<number>): number {
  let lag = 0;
  for (let j = 0; j < w.length; j++) lag += j * w[j]!;
  return lag;
}
