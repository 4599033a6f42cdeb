import { bufferCount, concatMap, from, Subject, switchMap, timer } from 'rxjs';
import type { SampleLog } from '../../log/sampleLog.ts';
import type { Incoming } from '../ingest/ingest.ts';
import type { FilterChoice } from '../ingest/step.ts';

/** Brings streams to the kernel that is theirs now. Where it is theirs already nothing happens. */
export interface Swaps {
  /** Every stream there is, a few at a time: each has a window to be read from the log. */
  all(): void;
  one(stream: string): void;
  stop(): void;
}

/** So many streams at once, each so often (ms). */
const step = { streams: 256, every: 10 } as const;

export function swaps(ports: {
  readonly log: Pick<SampleLog, 'head' | 'streams'>;
  readonly choose: (stream: string, channels: readonly string[], rate: number) => FilterChoice;
  readonly hand: (incoming: Incoming) => void;
}): Swaps {
  const { log, choose, hand } = ports;

  function one(stream: string): void {
    const head = log.head(stream);
    if (!head) return;
    const names = head.channels.map(({ name }) => name);
    hand({ stream, event: { type: 'swap', filter: choose(stream, names, head.rate) } });
  }

  const changes = new Subject<void>();
  changes
    .pipe(
      // Another change begins again with the first stream.
      switchMap(() =>
        from(log.streams()).pipe(
          bufferCount(step.streams),
          concatMap((streams, i) => timer(i === 0 ? 0 : step.every).pipe(concatMap(() => streams))),
        ),
      ),
    )
    .subscribe(one);
  return { all: () => changes.next(), one, stop: () => changes.complete() };
}
