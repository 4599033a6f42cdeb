import type { LogRecord, SampleLog } from '../../log/sampleLog.ts';
import { type FilterChoice, filterRecord } from './step.ts';

export interface RenewPorts {
  readonly log: Pick<SampleLog, 'commit' | 'head' | 'streams'>;
  readonly choose: (stream: string, channels: readonly string[], rate: number) => FilterChoice;
  /** A new random epoch. */
  readonly freshEpoch: () => string;
}

/** Records in one commit. */
const most = 4096;

/**
 * Every stream that the log cannot prove to hold whole goes on in a new epoch, numbered from 0: what it lacks may have
 * been seen, and no seq of an epoch may ever have two values. To be called before anybody hears of the streams.
 *
 * @returns the names of those streams
 */
export async function renew({ log, choose, freshEpoch }: RenewPorts): Promise<string[]> {
  const renewed = log.streams().filter((stream) => !log.head(stream)!.proven);
  const records = renewed.flatMap((stream): LogRecord[] => {
    const { channels, rate } = log.head(stream)!;
    const names = channels.map(({ name }) => name);
    return [
      { type: 'stream', stream, epoch: freshEpoch(), channels, rate },
      filterRecord(stream, 0, choose(stream, names, rate)),
    ];
  });
  for (let at = 0; at < records.length; at += most) await log.commit(records.slice(at, at + most));
  return renewed;
}
