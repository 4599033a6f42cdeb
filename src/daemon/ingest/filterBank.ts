import type { Device } from '../../filter/device.ts';
import { createTrendFilter, type TrendFilter } from '../../filter/trendFilter.ts';
import type { FilterRecord } from '../../log/sampleLog.ts';

/**
 * The kernels in use, each loaded and proven once, however many streams and replays share it. Whoever obtains a filter
 * holds it for as long as it is needed; one that nobody holds is let go, but for the few obtained last.
 */
export interface FilterBank {
  obtain(settings: Pick<FilterRecord, 'kernels' | 'sha256' | 'minCoverage'>): Promise<TrendFilter>;
  close(): Promise<void>;
}

/** How many filters stay loaded while nobody holds them: a stream that begins again finds its kernel. */
const recentCount = 8;

export function filterBank(device: Device): FilterBank {
  const loading = new Map<string, Promise<TrendFilter>>();
  const loaded = new Map<string, WeakRef<TrendFilter>>();
  /** The oldest first. */
  const recent = new Set<TrendFilter>();

  function use(filter: TrendFilter): TrendFilter {
    recent.delete(filter);
    recent.add(filter);
    if (recent.size > recentCount)
      for (const oldest of [...recent].slice(0, -recentCount)) recent.delete(oldest);
    return filter;
  }

  async function load(key: string, settings: Parameters<FilterBank['obtain']>[0]): Promise<TrendFilter> {
    try {
      const { kernels, minCoverage } = settings;
      const filter = await createTrendFilter(kernels, { device, minCoverage });
      for (const [other, held] of loaded) if (!held.deref()) loaded.delete(other);
      loaded.set(key, new WeakRef(filter));
      return use(filter);
    } finally {
      // A kernel that failed to load is asked for again by the next who needs it; the caller has the error.
      loading.delete(key);
    }
  }

  return {
    async obtain(settings) {
      const key = `${settings.sha256} ${settings.minCoverage}`;
      const present = loaded.get(key)?.deref();
      if (present) return use(present);
      const one = loading.get(key) ?? load(key, settings);
      if (!loading.has(key)) loading.set(key, one);
      return one;
    },
    async close() {
      await Promise.allSettled(loading.values());
      await Promise.all([...loaded.values()].map((held) => held.deref()?.release()));
      loaded.clear();
      recent.clear();
    },
  };
}
