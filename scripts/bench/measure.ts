/** What all benchmarks share: rounds that take turns, medians, and a table. */

/** One way of doing the work; `run` does it once and resolves to how long it took in its own terms (ms), or to nothing. */
export interface Contender {
  readonly name: string;
  run(): Promise<number | undefined>;
}

/**
 * Runs the contenders in turn, round after round, so that noise of the machine meets all of them alike.
 *
 * @returns the median of each, in ms
 */
export async function medians(
  contenders: readonly Contender[],
  rounds: number,
  warmUp = 3,
): Promise<Map<string, number>> {
  const times = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = -warmUp; round < rounds; round++) {
    for (const { name, run } of contenders) {
      // Once uncounted: what the one before left in the caches and on the heap is not this one's doing.
      await run();
      const began = performance.now();
      const own = await run();
      if (round >= 0) times.get(name)!.push(own ?? performance.now() - began);
    }
  }
  return new Map([...times].map(([name, all]) => [name, median(all)]));
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
