import { maxTaps } from '../../dsp/kernel.ts';
import type {
  DamagedRecord,
  FilterRecord,
  SampleLog,
  SamplesRecord,
  UnfilteredRecord,
} from '../../log/sampleLog.ts';
import type { FilterBank } from '../ingest/filterBank.ts';
import { type TrendRecord, trendMaker } from '../ingest/trendMaker.ts';
import { type KernelRecord, sameKernel, type Topic } from './topic.ts';

/** How much is read and filtered at a time: little enough that others have their turn. */
const step = { samples: 32 * 1024, records: 512 } as const;

/** Trends of the past, recomputed from the log with the kernels that were in force: the bits of the live ones. */
export interface History {
  /** The oldest trend that can be served exactly: the first of the epoch, else the oldest sample held + K - 1. */
  floor(topic: Pick<Topic, 'name' | 'kernel'>): number;
  reader(topic: Pick<Topic, 'name' | 'epoch' | 'channels'>, fromSeq: number): HistoryReader;
}

interface HistoryReader {
  /**
   * The next entries of `[where the last call ended, toSeq)`, in order: frames with their trends, kernels before the
   * first frame they concern, and what damage has taken. Not always all of them; undefined when the topic's epoch has
   * ended.
   */
  read(toSeq: number): Promise<(TrendRecord | KernelRecord | DamagedRecord)[] | undefined>;
}

export function history(log: SampleLog, bank: FilterBank): History {
  return {
    floor({ name, kernel }) {
      const oldestSeq = log.head(name)?.oldestSeq ?? 0;
      if (oldestSeq === 0) return 0;
      // A kernel that took over within what is held may follow a longer one.
      if (kernel.seq > oldestSeq) return oldestSeq + maxTaps - 1;
      return kernel.type === 'unfiltered' ? oldestSeq : oldestSeq + kernel.kernels[0]!.taps.length - 1;
    },

    reader({ name, epoch, channels }, fromSeq) {
      const maker = trendMaker(log, bank);
      maker.seek(name, channels.length, fromSeq);
      let nextSeq = fromSeq;
      let kernel: KernelRecord | undefined;

      return {
        async read(toSeq) {
          const records: (SamplesRecord | FilterRecord | UnfilteredRecord)[] = [];
          const damaged: DamagedRecord[] = [];
          // Steps are counted in what is held, for a gap may be of any length.
          let end = toSeq;
          let samples = 0;
          for await (const record of log.read(name, nextSeq, toSeq)) {
            if (record.type === 'damaged') {
              damaged.push(record);
              continue;
            }
            if (record.type === 'samples') {
              samples += record.planes.length;
            } else {
              // Each read begins with the filter in force.
              if (kernel && sameKernel(record, kernel)) continue;
              kernel = record;
            }
            records.push(record);
            if (record.type === 'samples' && (samples >= step.samples || records.length >= step.records)) {
              end = record.seq + record.rows;
              break;
            }
          }
          if (log.head(name)?.epoch !== epoch) return undefined;
          const made = await maker.make(records);
          if (log.head(name)?.epoch !== epoch) return undefined;
          nextSeq = end;
          return withDamage(made, damaged);
        },
      };
    },
  };
}

/** What damage has taken in its place: before the first frame behind it. To the window it is samples that are missing. */
function withDamage(
  made: (TrendRecord | KernelRecord)[],
  damaged: readonly DamagedRecord[],
): (TrendRecord | KernelRecord | DamagedRecord)[] {
  if (damaged.length === 0) return made;
  const entries: (TrendRecord | KernelRecord | DamagedRecord)[] = [];
  let next = 0;
  for (const entry of made) {
    while (entry.type === 'trend' && damaged[next] && damaged[next]!.seq < entry.samples.seq) {
      entries.push(damaged[next++]!);
    }
    entries.push(entry);
  }
  return entries.concat(damaged.slice(next));
}
