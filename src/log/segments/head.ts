import type { StreamHead } from '../sampleLog.ts';
import type { Catalog, LoggedStream } from './catalog.ts';

/** What `SampleLog.head` tells of a stream. */
export function headOf(catalog: Catalog, stream: LoggedStream | undefined): StreamHead | undefined {
  if (!stream) return undefined;
  const { begin, nextSeq, oldestSeq, newestTime, filters, proven: whole } = stream;
  const filter = filters.at(-1);
  return {
    epoch: begin.epoch,
    channels: begin.channels,
    rate: begin.rate,
    nextSeq,
    oldestSeq,
    newestTime,
    filter: filter && { ...catalog.settings.get(filter.settings)!, stream: begin.stream, seq: filter.seq },
    proven: whole,
  };
}
