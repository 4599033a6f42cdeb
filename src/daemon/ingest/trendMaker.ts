import type { FilterJob, TrendBlock, TrendFilter } from '../../filter/trendFilter.ts';
import type {
  FilterRecord,
  LogRecord,
  SampleLog,
  SamplesRecord,
  UnfilteredRecord,
} from '../../log/sampleLog.ts';
import type { FilterBank } from './filterBank.ts';
import {
  extendRun,
  type JoinedSamples,
  joined,
  type LoggedPart,
  loggedPart,
  type Run,
  startRun,
} from './join.ts';

/** Logged frames, neighbours joined, and what was made of them: what subscribers see, in the order of the log. */
export interface TrendRecord {
  readonly type: 'trend';
  readonly samples: JoinedSamples;
  /** Undefined where the stream has no kernel. */
  readonly trend: TrendBlock | undefined;
  /** Its kernel came into force on another machine or runtime: the trends agree to 1e-6, not to the bit. */
  readonly recomputed: boolean;
}

/** What became of records: those of samples are made trends, the others are as they were. */
export type Made<R extends LogRecord = LogRecord> = Exclude<R, SamplesRecord> | TrendRecord;

/**
 * Turns log records into trends, one engine call per kernel and batch. Its only state is raw samples (the windows), so
 * the same records give the same trends live, on replay and after a restart.
 */
export interface TrendMaker {
  /** The next record of the stream will be at `nextSeq`, with `channels` channels. */
  seek(stream: string, channels: number, nextSeq: number): void;
  /**
   * `records` may hold many streams, each in the log's order; a stream not seen before goes on from the log's head.
   * Resolves to what was made of them, each stream in order. Call it before the commit of the same records: what the
   * log holds at the call is what came before them.
   */
  make<R extends LogRecord>(records: readonly R[]): Promise<Made<R>[]>;
}

interface StreamState {
  readonly channels: number;
  nextSeq: number;
  engine:
    | {
        readonly filter: TrendFilter;
        readonly window: FilterJob['window'];
        readonly recomputed: boolean;
      }
    | undefined;
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
    return { filter, window, recomputed: settings.fingerprint !== filter.fingerprint };
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

    async make<R extends LogRecord>(records: readonly R[]) {
      await Promise.all(resume(records));
      const made: (Made<R> | Making)[] = [];
      const calls = new Map<TrendFilter, { jobs: FilterJob[]; of: Making[] }>();
      const pending = new Map<string, Pending>();
      const runs = new Map<string, Making>();

      /** Nothing more joins the run: it is a job of the stream's engine. */
      function finish(stream: string): void {
        const making = runs.get(stream);
        if (!making) return;
        runs.delete(stream);
        const samples = joined(making.run);
        making.samples = samples;
        const { engine } = streams.get(stream)!;
        if (!engine) return;
        const call = calls.get(engine.filter) ?? { jobs: [], of: [] };
        calls.set(engine.filter, call);
        call.jobs.push({
          window: engine.window,
          gap: making.gap,
          planes: samples.planes,
          rows: samples.rows,
        });
        call.of.push(making);
        making.recomputed = engine.recomputed;
      }

      for (const record of records) {
        const { stream } = record;
        if (record.type === 'samples') {
          const state = streams.get(stream)!;
          const before = pending.get(stream) ?? { committed: state.nextSeq, samples: [] };
          pending.set(stream, before);
          before.samples.push(record);
          const running = runs.get(stream);
          const part = loggedPart(record);
          if (!running || !extendRun(running.run, part, false)) {
            finish(stream);
            const making: Making = {
              type: 'trend',
              run: startRun(part),
              gap: record.seq - state.nextSeq,
              samples: record,
              trend: undefined,
              recomputed: false,
            };
            runs.set(stream, making);
            made.push(making);
          }
          state.nextSeq = record.seq + record.rows;
          continue;
        }
        finish(stream);
        made.push(record as Made<R>);
        if (record.type === 'stream') {
          streams.set(stream, { channels: record.channels.length, nextSeq: 0, engine: undefined });
          // What the log holds under this name is of the epoch before.
          pending.set(stream, { committed: 0, samples: [] });
        } else if (record.type === 'deleted') {
          streams.delete(stream);
          pending.delete(stream);
        } else {
          const state = streams.get(stream)!;
          const before = pending.get(stream) ?? { committed: state.nextSeq, samples: [] };
          pending.set(stream, before);
          state.engine = await warmed(record, stream, state, before);
        }
      }
      for (const stream of [...runs.keys()]) finish(stream);
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

/** A trend record while its run is growing, then filtered. */
interface Making {
  readonly type: 'trend';
  readonly run: Run<LoggedPart>;
  /** Seqs between the frame before and the run that never came. */
  readonly gap: number;
  samples: JoinedSamples;
  trend: TrendBlock | undefined;
  recomputed: boolean;
}
