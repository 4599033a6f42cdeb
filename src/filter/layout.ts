/** What one job asks of a call: `rows` outputs of each of `channels` channels. */
export interface Demand {
  readonly rows: number;
  readonly channels: number;
}

/** The grid's fixed side: what the plan and the kernels leave no choice about. */
export interface GridShape {
  readonly taps: number;
  /** Lanes of a batch row, a multiple of 16; 16 where all have the same kernel. */
  readonly lanes: number;
  /** Lane c belongs to channel c; otherwise all lanes have the same kernel and any item may take any lane. */
  readonly perChannel: boolean;
  /** Outputs of a slot where the plan fixes them; null where they are free. */
  readonly outputs: number | null;
}

/** What one input sample costs (packing) in multiplications, as measured. */
const sampleCost = 30;

/**
 * Chooses T, the number of outputs that every lane of a call gives: longer jobs are cut into pieces of T (each needs
 * K - 1 samples of history) and shorter ones padded. A trend's bits do not depend on T, so speed alone chooses it: the
 * candidate with the least work, a call's own cost being the same for all.
 *
 *     work(T) = lanes of all batch rows, filled or not · (T·K + 30·(K - 1 + T))
 *
 * Pure: the same demands give the same T.
 */
export function callOutputs(demands: readonly Demand[], shape: GridShape): number {
  if (shape.outputs !== null) return shape.outputs;
  // Jobs differ in few ways: how many lanes a piece of each length of job takes.
  const widths = new Map<number, number>();
  for (const { rows, channels } of demands) {
    if (rows > 0) widths.set(rows, (widths.get(rows) ?? 0) + (shape.perChannel ? shape.lanes : channels));
  }
  let best = 1;
  let least = Number.POSITIVE_INFINITY;
  for (const outputs of candidates(widths)) {
    let lanes = 0;
    for (const [rows, width] of widths) lanes += width * Math.ceil(rows / outputs);
    const work = callWork(outputs, lanes, shape);
    if (work < least) {
      least = work;
      best = outputs;
    }
  }
  return best;
}

/** The work of a call that gives T outputs in each of so many lanes. */
export function callWork(outputs: number, lanes: number, shape: Pick<GridShape, 'taps' | 'lanes'>): number {
  const { taps } = shape;
  const filled = Math.ceil(lanes / shape.lanes) * shape.lanes;
  return filled * (outputs * taps + sampleCost * (taps - 1 + outputs));
}

/**
 * At most 36 lengths worth trying: the longest job cut into 1 … 16 equal parts (which fills the lanes with one long
 * channel), the most common and the shortest job whole, and the powers of two (for jobs of many lengths).
 */
function candidates(widths: ReadonlyMap<number, number>): Set<number> {
  let longest = 0;
  let shortest = Number.POSITIVE_INFINITY;
  let commonest = 1;
  for (const [rows, width] of widths) {
    longest = Math.max(longest, rows);
    shortest = Math.min(shortest, rows);
    if (width > (widths.get(commonest) ?? 0)) commonest = rows;
  }
  const lengths = new Set<number>();
  if (longest === 0) return lengths;
  for (let parts = 1; parts <= 16; parts++) lengths.add(Math.ceil(longest / parts));
  lengths.add(commonest).add(shortest);
  for (let length = 1; length < longest; length *= 2) lengths.add(length);
  return lengths;
}
