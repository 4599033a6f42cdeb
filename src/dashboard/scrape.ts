/** What the page shows of `/metrics`, in Prometheus' text format. */
export interface Scrape {
  value(name: string): number | undefined;
  /** Cumulative counts of a histogram by their upper bounds, ascending. */
  buckets(name: string): readonly (readonly [bound: number, count: number])[];
}

export function scrape(text: string): Scrape {
  const values = new Map<string, number>();
  const histograms = new Map<string, [number, number][]>();
  for (const line of text.split('\n')) {
    const match = /^(\w+)(?:\{([^}]*)\})? (\S+)/.exec(line);
    if (!match) continue;
    const [, name = '', labels = '', value] = match;
    const bound = /le="([^"]+)"/.exec(labels)?.[1];
    if (bound === undefined) values.set(name, Number(value));
    else {
      const base = name.replace(/_bucket$/, '');
      const list = histograms.get(base) ?? [];
      list.push([bound === '+Inf' ? Infinity : Number(bound), Number(value)]);
      histograms.set(base, list);
    }
  }
  return { value: (name) => values.get(name), buckets: (name) => histograms.get(name) ?? [] };
}

/** A quantile of what was counted between two scrapes, by lines between the bounds; NaN where nothing was. */
export function quantile(q: number, before: Scrape | undefined, after: Scrape, name: string): number {
  const old = before?.buckets(name) ?? [];
  const counts = after.buckets(name).map(([bound, count], i) => [bound, count - (old[i]?.[1] ?? 0)] as const);
  const total = counts.at(-1)?.[1] ?? 0;
  if (total <= 0) return Number.NaN;
  let [low, below] = [0, 0];
  for (const [bound, count] of counts) {
    if (count >= q * total) {
      if (bound === Infinity) return low;
      return low + ((q * total - below) / Math.max(1, count - below)) * (bound - low);
    }
    [low, below] = [bound, count];
  }
  return Number.NaN;
}
