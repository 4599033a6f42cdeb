import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { extendRun, gathered, joined, loggedPart, startRun } from '../../src/daemon/ingest/join.ts';
import type { Decision, TakenFrame } from '../../src/daemon/ingest/step.ts';
import { planeValues } from '../../src/dsp/frame.ts';
import type { SamplesRecord } from '../../src/log/sampleLog.ts';

/** Channel c of seq n is n + c/8; `skipped` rows before it are rubbish. */
function taken(stream: string, seq: number, rows: number, more: Partial<TakenFrame> = {}): TakenFrame {
  const { channels = 2, skipped = 0 } = more;
  const all = rows + skipped;
  const planes = Float32Array.from({ length: all * channels }, (_, i) => {
    const row = (i % all) - skipped;
    return row < 0 ? 1e9 : seq + row + Math.floor(i / all) / 8;
  });
  const values = planeValues(planes, all);
  return {
    type: 'samples',
    stream,
    seq,
    rows,
    channels,
    time: seq * 10,
    period: 10,
    values,
    skipped,
    ...more,
  };
}

/** What records say, row by row. */
function rowsOf(records: readonly { type: string }[]): unknown[] {
  return records.flatMap((record): unknown[] => {
    if (record.type !== 'samples') return [record.type];
    const { stream, seq, rows, planes, time, period } = record as SamplesRecord;
    return Array.from({ length: rows }, (_, i) => {
      const values = Array.from({ length: planes.length / rows }, (_, c) => planes[c * rows + i]);
      return { stream, seq: seq + i, time: time + i * period, values };
    });
  });
}

const swap: Decision = { type: 'unfiltered', stream: 'a', seq: 0, reason: 'none' };

describe('gathered', () => {
  test('neighbours in seq and time are one record; their rows are what they were', () => {
    const records = gathered([taken('a', 0, 3), taken('a', 3, 40), taken('a', 43, 1, { skipped: 2 })]);
    expect(records).toMatchObject([{ seq: 0, rows: 44, time: 0, period: 10 }]);
    expect(rowsOf(records)).toEqual(rowsOf(gathered([taken('a', 0, 44)])));
  });

  test.each<[string, Decision[], number]>([
    ['a gap', [taken('a', 0, 3), taken('a', 4, 3)], 2],
    ['a time that is not the one expected', [taken('a', 0, 3), taken('a', 3, 3, { time: 31 })], 2],
    ['another period', [taken('a', 0, 3), taken('a', 3, 3, { period: 11 })], 2],
    ['a change of kernel', [taken('a', 0, 3), swap, taken('a', 3, 3)], 3],
    ['64 KiB', [taken('a', 0, 8000), taken('a', 8000, 193)], 2],
  ])('not across %s', (_, decisions, count) => {
    const records = gathered(decisions);
    expect(records).toHaveLength(count);
    expect(rowsOf(records)).toEqual(decisions.flatMap((each) => rowsOf(gathered([each]))));
  });

  test('a time of our century that is off by rounding alone is the one expected', () => {
    const time = 1767225610000.123;
    const next = time + 3 * 15.625 + 2 ** -12;
    const decisions = [
      taken('a', 0, 3, { time, period: 15.625 }),
      taken('a', 3, 3, { time: next, period: 15.625 }),
    ];
    expect(gathered(decisions)).toMatchObject([{ time, rows: 6 }]);
  });

  test('streams keep their order, whatever comes between', () => {
    const step = fc.record({
      stream: fc.constantFrom('a', 'b'),
      rows: fc.integer({ min: 1, max: 40 }),
      gap: fc.nat(1),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const heads = { a: 0, b: 0 };
        const decisions = steps.map(({ stream, rows, gap }) => {
          const key = stream as 'a' | 'b';
          const frame = taken(stream, heads[key] + gap, rows);
          heads[key] += gap + rows;
          return frame;
        });
        for (const stream of ['a', 'b']) {
          const own = (all: readonly { stream: string; type: string }[]) =>
            rowsOf(all.filter((each) => each.stream === stream));
          const each = decisions.flatMap((decision) => gathered([decision]));
          expect(own(gathered(decisions))).toEqual(own(each));
        }
      }),
    );
  });
});

describe('joined', () => {
  const record = (seq: number, rows: number, time = seq * 10): SamplesRecord => {
    const [logged] = gathered([taken('a', seq, rows, { time })]);
    return logged as SamplesRecord;
  };

  test('logged frames at times of their own are one, with the time of every row', () => {
    const run = startRun(loggedPart(record(0, 2)));
    expect(extendRun(run, loggedPart(record(2, 2, 27)), false)).toBe(true);
    expect(extendRun(run, loggedPart(record(4, 1, 40)), false)).toBe(true);
    const one = joined(run);
    expect(one).toMatchObject({ seq: 0, rows: 5, time: 0, period: 10 });
    expect([...one.times!]).toEqual([0, 10, 27, 37, 40]);
    expect([...one.planes]).toEqual([0, 1, 2, 3, 4, 0.125, 1.125, 2.125, 3.125, 4.125]);
  });

  test('regular ones need no times, one alone is itself', () => {
    const alone = record(0, 2);
    const run = startRun(loggedPart(alone));
    expect(joined(run)).toBe(alone);
    expect(extendRun(run, loggedPart(record(2, 2)), false)).toBe(true);
    expect(joined(run).times).toBeUndefined();
    expect(extendRun(run, loggedPart(record(5, 2)), false)).toBe(false);
  });
});
