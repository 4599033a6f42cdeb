import type { FilterJob, TrendBlock, TrendFilter } from '../../filter/trendFilter.ts';
import type {
  FilterRecord,
  LogRecord,
  SampleLog,
  SamplesRecord,
  UnfilteredRecord,
} from '../../log/sampleLog.ts';
import type { FilterBank } from './filterBank.ts';

/** A logged frame and what was made of it: what subscribers see, in the order of the log. */
export interface TrendRecord {
  readonly samples: SamplesRecord;
  /** Undefined where the stream has no kernel. */
  readonly trend: TrendBlock | undefined;
  /** Seqs between the frame before and this one that never came. */
  readonly gap: number;
}

/**
 * Turns log records into trends, one engine call per kernel and batch. Its only state is raw samples (the windows), so
 * the same records give the same trends live, on replay and after a restart.
 */
export interface TrendMaker {
  /** The next record of the stream will be at `nextSeq`, with `channels` channels. */
  seek(stream: string, channels: number, nextSeq: number): void;
  /**
   * `records` may hold many streams, each in the log's order; a stream not seen before goes on from the log's head.
   * Resolves to one entry for each `samples` record, in order. Call it before the commit of the same records: what
   * the log holds at the call is what came before them.
   */
  make(records: readonly LogRecord[]): Promise<TrendRecord[]>;
}

interface StreamState {
  readonly channels: number;
  nextSeq: number;
  engine: { readonly filter: TrendFilter; readonly window: FilterJob['window'] } | undefined;
}

/** What of a stream came before a record: the seqs below `committed` are in the log, then come `samples`. */
interface Pending {
  readonly committed: number;
  readonly samples: SamplesRecord[];
}

export function trendMaker(log: SampleLog, bank: FilterBank): TrendMaker {
  const streams = new Map<string, StreamState>();

  /** The engine as it would be at `state.nextSeq` had it run all along: from what is committed, then from `pending`. */
  async function warmed(
    settings: FilterRecord | UnfilteredRecord | undefined,
    stream: string,
    state: StreamState,
    { committed, samples }: Pending = { committed: state.nextSeq, samples: [] },
  ): Promise<StreamState['engine']> {
    if (settings?.type !== 'filter') return undefined;
    const filter = await bank.obtain(settings);
    const window = filter.createWindow(state.channels);
    let at = Math.max(0, state.nextSeq - (filter.taps - 1));
    const push = (record: SamplesRecord): void => {
      window.skip(Math.max(0, record.seq - at));
      window.push(record.planes, record.rows);
      at = record.seq + record.rows;
    };
    for await (const record of log.read(stream, at, committed)) {
      if (record.type === 'samples') push(record);
    }
    for (const record of samples) push(record);
    window.skip(state.nextSeq - at);
    return { filter, window };
  }

  /** What the log holds now of streams that are new here; the asynchronous part is returned. */
  function resume(records: readonly LogRecord[]): Promise<void>[] {
    const resumed: Promise<void>[] = [];
    for (const { type, stream } of records) {
      const head = type === 'stream' || streams.has(stream) ? undefined : log.head(stream);
      if (!head) continue;
      const state: StreamState = { channels: head.channels.length, nextSeq: head.nextSeq, engine: undefined };
      streams.set(stream, state);
      resumed.push(
        warmed(head.filter, stream, state).then((engine) => {
          state.engine = engine;
        }),
      );
    }
    return resumed;
  }

  return {
    seek(stream, channels, nextSeq) {
      streams.set(stream, { channels, nextSeq, engine: undefined });
    },

    async make(records) {
      await Promise.all(resume(records));
      const made: { samples: SamplesRecord; trend: TrendBlock | undefined; gap: number }[] = [];
      const calls = new Map<TrendFilter, { jobs: FilterJob[]; of: (typeof made)[number][] }>();
      const pending = new Map<string, Pending>();
      for (const record of records) {
        const { stream } = record;
        if (record.type === 'stream') {
          streams.set(stream, { channels: record.channels.length, nextSeq: 0, engine: undefined });
          // What the log holds under this name is of the epoch before.
          pending.set(stream, { committed: 0, samples: [] });
          continue;
        }
        const state = streams.get(stream)!;
        const before = pending.get(stream) ?? { committed: state.nextSeq, samples: [] };
        pending.set(stream, before);
        if (record.type !== 'samples') {
          state.engine = await warmed(record, stream, state, before);
          continue;
        }
        const entry = { samples: record, trend: undefined, gap: record.seq - state.nextSeq };
        state.nextSeq = record.seq + record.rows;
        made.push(entry);
        before.samples.push(record);
        if (!state.engine) continue;
        const { filter, window } = state.engine;
        const call = calls.get(filter) ?? { jobs: [], of: [] };
        calls.set(filter, call);
        call.jobs.push({ window, gap: entry.gap, planes: record.planes, rows: record.rows });
        call.of.push(entry);
      }
      await Promise.all(
        [...calls].map(async ([filter, { jobs, of }]) => {
          (await filter.run(jobs)).forEach((block, i) => {
            of[i]!.trend = block;
          });
        }),
      );
      return made;
    },
  };
}
