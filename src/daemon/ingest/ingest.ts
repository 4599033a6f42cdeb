import { defer, type Observable } from 'rxjs';
import { batchWhileBusy } from '../../filter/batchWhileBusy.ts';
import type { LogRecord, SampleLog, TrimRule } from '../../log/sampleLog.ts';
import { type Count, initialState, type Reply, type StreamEvent, type StreamState, step } from './step.ts';
import type { TrendMaker, TrendRecord } from './trendMaker.ts';

/** An event for one stream, as a connection hands it in. */
export interface Incoming {
  readonly stream: string;
  readonly event: StreamEvent;
}

/** What may leave the daemon, now that the records it depends on are committed. In order. */
export type Released =
  | {
      readonly type: 'records';
      readonly records: readonly LogRecord[];
      readonly trends: readonly TrendRecord[];
    }
  | { readonly type: 'reply'; readonly stream: string; readonly reply: Reply };

export interface IngestOptions {
  readonly log: SampleLog;
  readonly maker: TrendMaker;
  readonly retention: TrimRule;
  /** Called with what each batch adds to the counters. */
  readonly count: (name: Count, by: number) => void;
}

/**
 * The whole flow from events to what may leave: decide → append → commit → release. The filter computes while the
 * commit is under way; its output waits. What arrives meanwhile is the next batch, so there is one commit and one
 * engine call per kernel in flight, and nothing leaves before the records it depends on are committed. The queue is
 * bounded by the producers' windows: a socket that is owed acknowledgements for more is not read.
 */
export function ingest({ log, maker, retention, count }: IngestOptions) {
  return (events$: Observable<Incoming>): Observable<Released[]> =>
    defer(() => {
      const streams = new Map<string, StreamState>();

      function decide({ stream, event }: Incoming): { records: readonly LogRecord[]; replies: Released[] } {
        const before = streams.get(stream) ?? initialState(stream, log.head(stream));
        const { state, records, replies, counts } = step(before, event);
        streams.set(stream, state);
        for (const [name, by] of Object.entries(counts)) count(name as Count, by);
        return { records, replies: replies.map((reply) => ({ type: 'reply', stream, reply })) };
      }

      return events$.pipe(
        batchWhileBusy(async (batch): Promise<Released[]> => {
          const decided = batch.map(decide);
          const records = decided.flatMap((d) => d.records);
          const replies = decided.flatMap((d) => d.replies);
          if (records.length === 0) return replies;
          const [trends] = await Promise.all([maker.make(records), log.commit(records)]);
          await log.trim(retention);
          for (const { samples, trend } of trends) {
            count('sampleRows', samples.rows);
            if (trend) count('trendRows', samples.rows);
          }
          return [{ type: 'records', records, trends }, ...replies];
        }),
      );
    });
}
