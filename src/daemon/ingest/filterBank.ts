import type { Device } from '../../filter/device.ts';
import { createTrendFilter, type TrendFilter } from '../../filter/trendFilter.ts';
import type { FilterRecord } from '../../log/sampleLog.ts';

/** The kernels in use, each loaded and proven once, however many streams and replays share it. */
export interface FilterBank {
  obtain(settings: Pick<FilterRecord, 'kernels' | 'sha256' | 'minCoverage'>): Promise<TrendFilter>;
  close(): Promise<void>;
}

export function filterBank(device: Device): FilterBank {
  const held = new Map<string, Promise<TrendFilter>>();
  return {
    obtain({ kernels, sha256, minCoverage }) {
      const key = `${sha256} ${minCoverage}`;
      const present = held.get(key);
      if (present) return present;
      const loading = createTrendFilter(kernels, { device, minCoverage });
      held.set(key, loading);
      // A kernel that failed to load is asked for again by the next who needs it; the caller has the error.
      loading.catch(() => held.delete(key));
      return loading;
    },
    async close() {
      for (const filter of held.values()) await (await filter).release();
      held.clear();
    },
  };
}
