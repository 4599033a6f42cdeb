import type { TrendRows } from '../../wire/serverMessages.ts';
import type { Outbound } from './outbound.ts';
import { kernelInfo, type Slot, type Topic } from './topic.ts';
import { newestRow, type View } from './view.ts';

export interface LatestOptions {
  readonly number: number;
  readonly topic: Topic;
  readonly view: View;
  readonly outbound: Outbound;
  /** At most one row in so many milliseconds. */
  readonly minPeriod: number;
  readonly failed: (error: unknown) => void;
}

/**
 * The newest row only: what comes while the connection is busy, or sooner than `minPeriod` allows, takes the place of
 * the row that waits. The timer is set by the first row that waits and not moved by later ones, so it does fire.
 */
export function latestSlot({ number, topic, view, outbound, minPeriod, failed }: LatestOptions): Slot {
  let waiting: TrendRows | undefined;
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
    outbound.trend(number, waiting);
    waiting = undefined;
    spoke = true;
    mayAt = performance.now() + minPeriod;
  }

  return {
    number,
    topic,
    offer(record) {
      waiting = newestRow(record, view) ?? waiting;
      flush();
    },
    swap(record) {
      // A row made by the kernel before must not follow the news of this one.
      waiting = undefined;
      outbound.control({
        type: 'kernel',
        changes: [{ slot: number, seq: record.seq }],
        ...kernelInfo(record),
      });
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
