import { logError } from './logError.ts';
import type { Decision } from './sampleLog.ts';

/** What a record of a stream must follow on from. */
export interface Follows {
  nextSeq: number;
  readonly channels: number;
}

/**
 * Throws `logOrder` unless every record follows on from what is held and from the records before it in the batch, so
 * that an adapter can refuse the whole batch before it has written any of it.
 */
export function checkedBatch(
  batch: readonly Decision[],
  held: (stream: string) => Follows | undefined,
): void {
  const within = new Map<string, Follows | undefined>();
  for (const record of batch) {
    if (record.type === 'stream') {
      within.set(record.stream, { nextSeq: 0, channels: record.channels.length });
      continue;
    }
    const former = within.has(record.stream) ? within.get(record.stream) : held(record.stream);
    if (!former) throw logError('logOrder', `${record.type}: the stream ${record.stream} has not begun`);
    if (record.type === 'delete') {
      within.set(record.stream, undefined);
      continue;
    }
    if (!Number.isSafeInteger(record.seq) || record.seq < former.nextSeq) {
      throw logError(
        'logOrder',
        `${record.type}.seq: expected at least ${former.nextSeq}, got ${record.seq}`,
      );
    }
    if (record.type !== 'samples') continue;
    if (record.rows < 1 || record.planes.length !== record.rows * former.channels) {
      throw logError(
        'logOrder',
        `samples.planes: expected ${record.rows} rows × ${former.channels} channels, got ${record.planes.length} values`,
      );
    }
    within.set(record.stream, { nextSeq: record.seq + record.rows, channels: former.channels });
  }
}
