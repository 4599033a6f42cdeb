import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { filterBank } from '../../src/daemon/ingest/filterBank.ts';
import { type Made, trendMaker } from '../../src/daemon/ingest/trendMaker.ts';
import { defaultMinCoverage, referenceTrend } from '../../src/dsp/reference.ts';
import { memoryLog } from '../../src/log/memoryLog.ts';
import type { FilterRecord, LogRecord, SamplesRecord, StreamRecord } from '../../src/log/sampleLog.ts';
import { sampleTaps } from '../support/models.ts';

const begin: StreamRecord = {
  type: 'stream',
  stream: 's',
  epoch: '00000000000000e1',
  channels: [{ name: 'x', offset: 0 }],
  rate: 10,
};

function kernelAt(seq: number, length: number): FilterRecord {
  const kernels = [{ taps: sampleTaps(length), bias: 0 }];
  return {
    type: 'filter',
    stream: 's',
    seq,
    kernels,
    sha256: `k${length}`,
    model: 'm',
    version: length,
    minCoverage: defaultMinCoverage(length),
    fingerprint: 'f',
  };
}

const value = (n: number): number => Math.fround(Math.sin(n * 1.7) * 100 + n);

function samplesAt(seq: number, rows: number): SamplesRecord {
  const planes = Float32Array.from({ length: rows }, (_, i) => value(seq + i));
  return { type: 'samples', stream: 's', seq, rows, planes, time: 0, period: 100 };
}

/** Trends by seq, each seq once. */
function bySeq(made: readonly Made[]): Map<number, number> {
  const trends = new Map<number, number>();
  for (const each of made) {
    if (each.type !== 'trend') continue;
    const { samples, trend } = each;
    for (let i = 0; i < samples.rows; i++) {
      expect(trends.has(samples.seq + i)).toBe(false);
      trends.set(samples.seq + i, trend!.trend[i]!);
    }
  }
  return trends;
}

describe('a swap', () => {
  test('from its seq on the trend is what the new kernel would always have given, however batches fall', async () => {
    const bank = filterBank({ provider: 'cpu' });
    const history = fc.array(
      fc.record({
        rows: fc.integer({ min: 1, max: 30 }),
        gap: fc.constantFrom(0, 0, 0, 2, 40),
        swap: fc.constantFrom(0, 0, 0, 1, 5, 17, 40),
        commit: fc.boolean(),
      }),
      { minLength: 3, maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const log = memoryLog();
        const maker = trendMaker(log, bank);
        const made: Made[] = [];
        const x: number[] = [];
        const lengths: number[] = [];
        let records: LogRecord[] = [begin, kernelAt(0, 9)];
        let length = 9;
        const flush = async (): Promise<void> => {
          const batch = records;
          records = [];
          if (batch.length > 0) made.push(...(await Promise.all([maker.make(batch), log.commit(batch)]))[0]);
        };
        for (const { rows, gap, swap, commit } of steps) {
          if (swap > 0) {
            length = swap;
            records.push(kernelAt(x.length, swap));
          }
          for (let i = 0; i < gap; i++) x.push(Number.NaN);
          records.push(samplesAt(x.length, rows));
          for (let i = 0; i < rows; i++) x.push(value(x.length));
          while (lengths.length < x.length) lengths.push(length);
          if (commit) await flush();
        }
        await flush();
        const live = bySeq(made);
        for (const [seq, trend] of live) {
          const kernel = { taps: Float64Array.from(sampleTaps(lengths[seq]!)), bias: 0 };
          const expected = referenceTrend(x.slice(0, seq + 1), kernel).trend[seq]!;
          expect(Math.abs(trend - expected)).toBeLessThan(1e-4);
        }
        // A maker that knows nothing but the log, from any seq on, gives the same bits.
        const from = x.length >> 1;
        const again = trendMaker(log, bank);
        again.seek('s', 1, from);
        const held: LogRecord[] = [];
        for await (const record of log.read('s', from, x.length)) {
          if (record.type !== 'damaged') held.push(record);
        }
        for (const [seq, trend] of bySeq(await again.make(held))) expect(trend).toBe(live.get(seq));
      }),
      { numRuns: 60 },
    );
    await bank.close();
  });

  test('a maker that comes to a running stream goes on from the log', async () => {
    const bank = filterBank({ provider: 'cpu' });
    const log = memoryLog();
    const first = trendMaker(log, bank);
    const opening = [begin, kernelAt(0, 17), samplesAt(0, 50)];
    await Promise.all([first.make(opening), log.commit(opening)]);
    const next = [samplesAt(50, 10)];
    const fresh = trendMaker(log, bank);
    const [resumed] = await Promise.all([fresh.make(next), log.commit(next)]);
    const x = Array.from({ length: 60 }, (_, n) => value(n));
    const { trend } = referenceTrend(x, { taps: Float64Array.from(sampleTaps(17)), bias: 0 });
    resumed[0]!.trend!.trend.forEach((t, i) => {
      expect(Math.abs(t - trend[50 + i]!)).toBeLessThan(1e-4);
    });
    expect(resumed[0]!.trend!.coverage).toBeUndefined();
    await bank.close();
  });
});
