import type { TrendRows } from '../../wire/serverMessages.ts';
import type { Outbound } from './outbound.ts';
import type { Slot } from './slot.ts';
import { type KernelRecord, kernelInfo, type Topic } from './topic.ts';

export interface LatestOptions {
  readonly number: number;
  readonly topic: Topic;
  readonly outbound: Outbound;
  /** At most one row in so many milliseconds. */
  readonly minPeriod: number;
  readonly failed: (error: unknown) => void;
}

const plain = { replay: false, afterGap: false } as const;

/**
 * The newest row only: what comes while the connection is busy, or sooner than `minPeriod` allows, takes the place of
 * the row that waits. The timer is set by the first row that waits and not moved by later ones, so it does fire. A
 * change of kernel waits with the row: told before it or after it, as it came.
 */
export function latestSlot({ number, topic, outbound, minPeriod, failed }: LatestOptions): Slot {
  let waiting: TrendRows | undefined;
  let before: KernelRecord | undefined;
  let after: KernelRecord | undefined;
  let timer: NodeJS.Timeout | undefined;
  let mayAt = 0;
  let draining = false;
  let closed = false;
  let spoke = false;

  function flush(): void {
    if (closed || waiting === undefined || timer !== undefined || draining) return;
    const early = mayAt - performance.now();
    if (early > 0) {
      timer = setTimeout(() => {
        timer = undefined;
        flush();
      }, early);
      return;
    }
    if (outbound.congested) {
      draining = true;
      outbound
        .writable()
        .then(() => {
          draining = false;
          flush();
        })
        .catch(failed);
      return;
    }
    if (before) tell(before);
    outbound.trend(number, waiting, plain);
    if (after) tell(after);
    waiting = undefined;
    before = undefined;
    after = undefined;
    spoke = true;
    mayAt = performance.now() + minPeriod;
  }

  function tell(record: KernelRecord): void {
    outbound.kernel(number, record.seq, kernelInfo(record));
  }

  return {
    number,
    topic,
    offer(offered) {
      const newest = offered.newest();
      if (newest === undefined) return;
      // The row that a kernel followed is gone: the kernel comes before this one.
      before = after ?? before;
      after = undefined;
      waiting = newest;
      flush();
    },
    swap(record) {
      if (waiting === undefined) tell(record);
      else after = record;
    },
    silentAt() {
      // A row that waits has not been told yet.
      const silent = !spoke && waiting === undefined;
      spoke = false;
      return silent ? topic.nextSeq : undefined;
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
    unsent: () => undefined,
  };
}
