import { defer, type Observable } from 'rxjs';
import { batchWhileBusy, type Share } from '../../filter/batchWhileBusy.ts';
import type { SampleLog, TrimRule } from '../../log/sampleLog.ts';
import { gathered } from './join.ts';
import {
  type Count,
  type Decision,
  initialState,
  type Reply,
  refuseStream,
  type StreamEvent,
  type StreamState,
  step,
} from './step.ts';
import type { Made, TrendMaker } from './trendMaker.ts';

/** An event for one stream, as a connection hands it in. */
export interface Incoming {
  readonly stream: string;
  readonly event: StreamEvent;
}

/** What may leave the daemon, now that the records it depends on are committed. In order. */
export type Released =
  | { readonly type: 'made'; readonly made: readonly Made[] }
  | { readonly type: 'reply'; readonly stream: string; readonly reply: Reply };

export interface IngestOptions {
  readonly log: Pick<SampleLog, 'commit' | 'trim' | 'head' | 'streams'>;
  readonly maker: Pick<TrendMaker, 'make'>;
  readonly retention: TrimRule;
  /** How many streams there may be. */
  readonly maxStreams: number;
  /** Called with what each batch adds to the counters. */
  readonly count: (name: Count, by: number) => void;
}

/**
 * The whole flow from events to what may leave: decide → append → commit → release. The filter computes while the
 * commit is under way; its output waits. What arrives meanwhile is the next batch, so there is one commit and one
 * engine call per kernel in flight, and nothing leaves before the records it depends on are committed. The queue is
 * bounded by the producers' windows: a socket that is owed acknowledgements for more is not read. Batches are bounded
 * too, and shared (`share`).
 */
export function ingest({ log, maker, retention, maxStreams, count }: IngestOptions) {
  return (events$: Observable<Incoming>): Observable<Released[]> =>
    defer(() => {
      const streams = new Map<string, StreamState>();

      let begun = log.streams().length;

      function decide({ stream, event }: Incoming, decided: Decided): void {
        const before = streams.get(stream) ?? initialState(stream, log.head(stream));
        const tooMany = event.type === 'open' && !before.life && begun >= maxStreams;
        const { state, records, replies, counts } = tooMany
          ? refuseStream(before, event, maxStreams)
          : step(before, event);
        begun += Number(state.life !== undefined) - Number(before.life !== undefined);
        // Nothing is kept of a stream that does not exist, whoever asked for it.
        if (state.life) streams.set(stream, state);
        else streams.delete(stream);
        for (const name in counts) count(name as Count, counts[name as Count]!);
        for (const record of records) decided.records.push(record);
        for (const reply of replies) decided.replies.push({ type: 'reply', stream, reply });
      }

      return events$.pipe(
        batchWhileBusy(
          async (batch): Promise<Released[]> => {
            const decided: Decided = { records: [], replies: [] };
            for (const incoming of batch) decide(incoming, decided);
            const { replies } = decided;
            const records = gathered(decided.records);
            if (records.length === 0) return replies;
            const [made] = await Promise.all([maker.make(records), log.commit(records)]);
            await log.trim(retention);
            for (const each of made) {
              if (each.type !== 'trend') continue;
              count('sampleRows', each.samples.rows);
              if (each.trend) count('trendRows', each.samples.rows);
            }
            return [{ type: 'made', made }, ...replies];
          },
          undefined,
          share,
        ),
      );
    });
}

/**
 * One batch holds at most so many samples (4 MiB of them), whoever sent them: some milliseconds of filtering at the
 * longest kernel. Beyond that streams have a frame each in turn, so a quiet one does not wait for a busy one's queue.
 */
const share: Share<Incoming> = {
  key: ({ stream }) => stream,
  cost: ({ event }) => (event.type === 'samples' ? event.rows * event.channels : 1),
  budget: 2 ** 20,
};

interface Decided {
  readonly records: Decision[];
  readonly replies: Released[];
}
