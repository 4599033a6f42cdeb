import { expect } from 'vitest';
import type { FilterRecord, LogRecord, SampleLog, StreamRecord } from '../../src/log/sampleLog.ts';
import { readAll } from './contract.ts';

/** What a log must hold, kept row by row: slow and plain. */
export interface LogModel {
  commit(batch: readonly LogRecord[]): void;
  /** Compares all that the log tells with what was committed; rows from `head.oldestSeq` on must be there. */
  compare(log: Pick<SampleLog, 'read' | 'head' | 'streams'>, keepSamples: number): Promise<void>;
  /** Numbers for the next records. */
  nextSeq(stream: string): number | undefined;
}

interface ModelStream {
  readonly begin: StreamRecord;
  nextSeq: number;
  readonly rows: Map<number, { readonly values: number[]; readonly time: number }>;
  readonly filters: { readonly seq: number; readonly model: string }[];
}

export function logModel(): LogModel {
  const streams = new Map<string, ModelStream>();
  return {
    nextSeq: (stream) => streams.get(stream)?.nextSeq,

    commit(batch) {
      for (const record of batch) {
        if (record.type === 'deleted') streams.delete(record.stream);
        else if (record.type === 'stream') {
          streams.set(record.stream, { begin: record, nextSeq: 0, rows: new Map(), filters: [] });
        } else if (record.type === 'samples') {
          const stream = streams.get(record.stream)!;
          for (const [row, seen] of rowsIn(record).entries()) stream.rows.set(record.seq + row, seen);
          stream.nextSeq = record.seq + record.rows;
        } else {
          streams.get(record.stream)!.filters.push({ seq: record.seq, model: nameOf(record) });
        }
      }
    },

    async compare(log, keepSamples) {
      expect([...log.streams()].sort()).toEqual([...streams.keys()].sort());
      for (const [name, { begin, nextSeq, rows, filters }] of streams) {
        const head = log.head(name)!;
        expect(head).toMatchObject({
          epoch: begin.epoch,
          channels: begin.channels,
          rate: begin.rate,
          nextSeq,
        });
        expect(head.oldestSeq).toBeLessThanOrEqual(Math.max(0, nextSeq - keepSamples));
        expect(head.filter && nameOf(head.filter)).toBe(filters.at(-1)?.model);
        const expected = [...rows].filter(([seq]) => seq >= head.oldestSeq);
        expect(head.newestTime).toBe(expected.at(-1)?.[1].time);
        const seen: [number, unknown][] = [];
        const inForce: (string | undefined)[] = [];
        let model: string | undefined;
        for (const record of await readAll(log, name, head.oldestSeq, Number.MAX_SAFE_INTEGER)) {
          if (record.type === 'samples') {
            for (const [row, told] of rowsIn(record).entries()) {
              seen.push([record.seq + row, told]);
              inForce.push(model);
            }
          } else if (record.type === 'filter' || record.type === 'unfiltered') {
            model = nameOf(record);
          } else {
            expect(record).toBe('nothing is damaged');
          }
        }
        expect(seen).toEqual(expected);
        expect(inForce).toEqual(
          expected.map(([seq]) => filters.findLast((filter) => filter.seq <= seq)?.model),
        );
      }
    },
  };
}

function rowsIn({
  rows,
  planes,
  time,
  period,
}: {
  rows: number;
  planes: Float32Array;
  time: number;
  period: number;
}) {
  const channels = planes.length / rows;
  return Array.from({ length: rows }, (_, row) => ({
    values: Array.from({ length: channels }, (__, c) => planes[c * rows + row]!),
    time: time + row * period,
  }));
}

function nameOf(record: FilterRecord | { readonly type: 'unfiltered'; readonly reason: string }): string {
  return record.type === 'filter' ? record.model : record.reason;
}
