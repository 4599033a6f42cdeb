/** What all benchmarks share: rounds that take turns, medians, and a table. */

/** One way of doing the work. */
export interface Contender {
  readonly name: string;
  /** Does it once. */
  run?(): Promise<unknown>;
  /** Does it so many times elsewhere and resolves to the median of their times (ms), in place of `run`. */
  burst?(count: number): Promise<number>;
}

/** Of a contender that takes longer than this (ms) a few rounds are enough. */
const slow = 20;
const slowRounds = 5;

/** How long a turn is to last (ms): what the one before left in the caches and on the heap is not this one's doing. */
const turn = 3;
const longestBurst = 20;

/**
 * Runs the contenders in turn, round after round, so that noise of the machine meets all of them alike. A turn is a
 * burst of runs, of which the first is not counted and the others' median is.
 *
 * @param limits.rounds how many rounds, unless `budget` (ms) is used up before, and 5 have been
 * @returns the median of each, in ms
 */
export async function medians(
  contenders: readonly Contender[],
  limits: { readonly rounds: number; readonly budget?: number },
): Promise<Map<string, number>> {
  const { rounds, budget = Number.POSITIVE_INFINITY } = limits;
  const times = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  const began = performance.now();
  for (let round = -1; round < rounds; round++) {
    if (round >= 5 && performance.now() - began > budget) break;
    for (const contender of contenders) {
      const own = times.get(contender.name)!;
      if (own.length > slowRounds && Math.min(...own) > slow) continue;
      const last = own.at(-1);
      const count = last === undefined ? 1 : Math.max(1, Math.min(longestBurst, Math.round(turn / last)));
      own.push(await burst(contender, count));
    }
  }
  return new Map([...times].map(([name, all]) => [name, median(all.slice(1))]));
}

async function burst(contender: Contender, count: number): Promise<number> {
  if (contender.burst) return contender.burst(count);
  const times: number[] = [];
  await contender.run!();
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await contender.run!();
    times.push(performance.now() - start);
  }
  return median(times);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

/** A Markdown table. */
export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}
