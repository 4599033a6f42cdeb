import type { Device } from '../../filter/device.ts';
import { createTrendFilter, type TrendFilter } from '../../filter/trendFilter.ts';
import type { FilterRecord } from '../../log/sampleLog.ts';

/**
 * The kernels in use, each loaded and proven once, however many streams and replays share it. A filter that nobody holds
 * any more gives its native memory back by itself, for models come and go while streams, replays and requests use them.
 */
export interface FilterBank {
  obtain(settings: Pick<FilterRecord, 'kernels' | 'sha256' | 'minCoverage'>): Promise<TrendFilter>;
  close(): Promise<void>;
}

/** @param failed where errors of freeing memory are told */
export function filterBank(device: Device, failed: (error: unknown) => void = () => undefined): FilterBank {
  const loading = new Map<string, Promise<TrendFilter>>();
  const held = new Map<string, WeakRef<TrendFilter>>();
  const forgotten = new FinalizationRegistry<{ key: string; release: TrendFilter['release'] }>(
    ({ key, release }) => {
      if (held.get(key)?.deref() === undefined) held.delete(key);
      // It waits for calls under way.
      release().catch(failed);
    },
  );

  async function load(key: string, settings: Parameters<FilterBank['obtain']>[0]): Promise<TrendFilter> {
    try {
      const { kernels, minCoverage } = settings;
      const filter = await createTrendFilter(kernels, { device, minCoverage });
      held.set(key, new WeakRef(filter));
      forgotten.register(filter, { key, release: filter.release }, filter);
      return filter;
    } finally {
      // A kernel that failed to load is asked for again by the next who needs it; the caller has the error.
      loading.delete(key);
    }
  }

  return {
    async obtain(settings) {
      const key = `${settings.sha256} ${settings.minCoverage}`;
      const present = held.get(key)?.deref();
      if (present) return present;
      const underWay = loading.get(key) ?? load(key, settings);
      loading.set(key, underWay);
      return underWay;
    },
    async close() {
      await Promise.allSettled(loading.values());
      for (const reference of held.values()) {
        const filter = reference.deref();
        if (!filter) continue;
        forgotten.unregister(filter);
        await filter.release();
      }
      held.clear();
    },
  };
}
