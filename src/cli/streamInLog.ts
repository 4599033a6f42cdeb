import { FirtrendError, nearest } from '../dsp/error.ts';
import type { SegmentReader } from '../log/segmentReader.ts';

/** @throws FirtrendError `unknownStream`, with names that are near */
export function mustHold(log: Pick<SegmentReader, 'head' | 'streams'>, stream: string, folder: string): void {
  if (log.head(stream)) return;
  const near = nearest(stream, log.streams());
  throw new FirtrendError(
    'unknownStream',
    `${folder}: no stream "${stream}"${near.length > 0 ? `; did you mean ${near.join(', ')}?` : ''}`,
  );
}
