import { sliceFrame } from '../dsp/frame.ts';
import type { SamplesRecord } from './sampleLog.ts';

/** The rows of a record that lie in `[fromSeq, toSeq)`; the record itself where all do. */
export function cutSamples(record: SamplesRecord, fromSeq: number, toSeq: number): SamplesRecord {
  const from = Math.max(0, fromSeq - record.seq);
  const to = Math.min(record.rows, toSeq - record.seq);
  if (from === 0 && to === record.rows) return record;
  return { ...record, ...sliceFrame(record, from, to), time: record.time + from * record.period };
}
