import { Subject } from 'rxjs';
import type { SampleLog } from '../log/sampleLog.ts';
import { type Incoming, type IngestOptions, ingest, type Released } from './ingest/ingest.ts';
import type { Reply } from './ingest/step.ts';
import type { Made, TrendMaker } from './ingest/trendMaker.ts';
import { lag } from './metrics/lag.ts';
import type { Metrics } from './metrics/metrics.ts';

export interface FlowPorts extends IngestOptions {
  /** What subscribers may see now. */
  readonly release: (made: readonly Made[]) => void;
  /** Answers to producers, once subscribers have what they answer. */
  readonly reply: (replies: Iterable<Reply>) => void;
  /** A stream has begun. */
  readonly begun: (stream: string) => void;
  readonly took: Metrics['took'];
  readonly failed: (error: unknown) => void;
}

/** The flow of `ingest`, running: events are handed in, what may leave is handed on. */
export interface Flow {
  hand(incoming: Incoming): void;
  /** How long the oldest event has waited that nothing has come of yet (ms). */
  lag(): number;
  /** Takes no more; resolves when all that was handed in has been released. */
  finish(): Promise<void>;
}

export function flow(ports: FlowPorts): Flow {
  const { took, failed } = ports;
  const incoming = new Subject<Incoming>();
  const behind = lag();

  function release(batch: readonly Released[]): void {
    took('release', behind.released());
    const replies: Reply[] = [];
    for (const released of batch) {
      if (released.type === 'reply') {
        replies.push(released.reply);
        continue;
      }
      ports.release(released.made);
      for (const each of released.made) if (each.type === 'stream') ports.begun(each.stream);
    }
    ports.reply(replies);
  }

  const ended = new Promise<void>((resolve) => {
    const timed = { ...ports, log: timedLog(ports.log, took), maker: timedMaker(ports.maker, took) };
    incoming.pipe(ingest(timed)).subscribe({
      next: (batch) => {
        // What is thrown here would reach nobody: RxJS throws it again in a timer.
        try {
          release(batch);
        } catch (error) {
          failed(error);
        }
      },
      error: (error: unknown) => {
        failed(error);
        resolve();
      },
      complete: resolve,
    });
  });

  return {
    lag: behind.now,
    hand(event) {
      behind.arrived();
      incoming.next(event);
    },
    finish() {
      incoming.complete();
      return ended;
    },
  };
}

function timedLog(log: IngestOptions['log'], took: Metrics['took']): IngestOptions['log'] {
  return {
    head: (stream) => log.head(stream),
    streams: () => log.streams(),
    trim: (rule) => log.trim(rule),
    async commit(batch) {
      const began = performance.now();
      const position = await log.commit(batch);
      took('commit', performance.now() - began);
      return position;
    },
  } satisfies Pick<SampleLog, 'head' | 'streams' | 'trim' | 'commit'>;
}

function timedMaker(maker: IngestOptions['maker'], took: Metrics['took']): IngestOptions['maker'] {
  return {
    async make(records) {
      const began = performance.now();
      const made = await maker.make(records);
      took('filter', performance.now() - began);
      return made;
    },
  } satisfies Pick<TrendMaker, 'make'>;
}
