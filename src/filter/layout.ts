/** What one job asks of a call: `rows` outputs of each of `channels` channels. */
export interface Demand {
  readonly rows: number;
  readonly channels: number;
}

/** The grid's fixed side: what the plan and the kernels leave no choice about. */
export interface GridShape {
  readonly taps: number;
  /** Lanes of a batch row, a multiple of 16. */
  readonly lanes: number;
  /** Lane c belongs to channel c; otherwise all lanes have the same kernel and any item may take any lane. */
  readonly perChannel: boolean;
  /** Outputs of a slot where the plan fixes them; null where they are free. */
  readonly outputs: number | null;
}

/**
 * Where a job's channels lie. The outputs of a channel are cut into `blocks` blocks of T; block b of channel c has the
 * slot `slot + c·channelStep + b·blockStep`.
 */
export interface Place {
  readonly slot: number;
  readonly blocks: number;
  readonly channelStep: number;
  readonly blockStep: number;
}

/**
 * A call's grid `[batch row][lane]` of slots, numbered row by row. Each slot holds K - 1 + T input samples and gives T
 * outputs; masks get the slots from `slots` on.
 */
export interface Layout {
  /** T: outputs per slot. */
  readonly outputs: number;
  readonly places: readonly Place[];
  readonly slots: number;
}

/** What one input sample costs (packing, the runtime's reordering) in multiplications, as measured: 10 to 25. */
const sampleCost = 16;

/**
 * Lays the jobs of one call out on a grid: every slot has the same number T of outputs, so longer jobs are cut (blocks
 * overlap by K - 1 input samples) and shorter ones padded. A trend's bits do not depend on T, so speed alone chooses
 * it: the candidate with the least work, a call's own cost (11 to 40 µs) being the same for all.
 *
 *     work(T) = slots of all rows, filled or not · (T·K + 16·(K - 1 + T))
 *
 * Pure: the same demands give the same layout.
 */
export function layout(demands: readonly Demand[], shape: GridShape): Layout {
  const outputs = shape.outputs ?? leastWork(demands, shape);
  let slots = 0;
  const places = demands.map(({ rows, channels }): Place => {
    const slot = slots;
    const blocks = Math.ceil(rows / outputs);
    slots += blocks * (shape.perChannel ? shape.lanes : channels);
    return shape.perChannel
      ? { slot, blocks, channelStep: 1, blockStep: shape.lanes }
      : { slot, blocks, channelStep: blocks, blockStep: 1 };
  });
  return { outputs, places, slots };
}

function leastWork(demands: readonly Demand[], { taps, lanes, perChannel }: GridShape): number {
  // Jobs differ in few ways: how many slots a block of each length of job takes.
  const widths = new Map<number, number>();
  for (const { rows, channels } of demands) {
    if (rows > 0) widths.set(rows, (widths.get(rows) ?? 0) + (perChannel ? lanes : channels));
  }
  let best = 1;
  let least = Number.POSITIVE_INFINITY;
  for (const outputs of candidates(widths)) {
    let slots = 0;
    for (const [rows, width] of widths) slots += width * Math.ceil(rows / outputs);
    const work = Math.ceil(slots / lanes) * lanes * (outputs * taps + sampleCost * (taps - 1 + outputs));
    if (work < least) {
      least = work;
      best = outputs;
    }
  }
  return best;
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
