import { expect } from 'vitest';
import { turns } from '../../src/daemon/connection/turns.ts';
import { history } from '../../src/daemon/hub/history.ts';
import { type Hub, hub } from '../../src/daemon/hub/hub.ts';
import type { Outbound } from '../../src/daemon/hub/outbound.ts';
import { type FilterBank, filterBank } from '../../src/daemon/ingest/filterBank.ts';
import { trendMaker } from '../../src/daemon/ingest/trendMaker.ts';
import { defaultMinCoverage } from '../../src/dsp/reference.ts';
import { memoryLog } from '../../src/log/memoryLog.ts';
import type { FilterRecord, LogRecord, SampleLog, SamplesRecord } from '../../src/log/sampleLog.ts';
import { controlSchemas } from '../../src/wire/clientMessages.ts';
import type { FrameMarks } from '../../src/wire/codec.ts';
import type { ServerControl, TrendFrame, TrendRows } from '../../src/wire/serverMessages.ts';
import { sampleTaps } from '../support/models.ts';

type Sent = ServerControl | TrendFrame;

const mark = ({ replay, afterGap }: FrameMarks) => ({
  ...(replay && { replay }),
  ...(afterGap && { afterGap }),
});

/** A connection whose congestion the test decides, and that keeps all that is sent. */
export class FakeOutbound implements Outbound {
  readonly sent: Sent[] = [];
  /** The objects that were sent: one that is sent twice is encoded once. */
  readonly shared: TrendRows[] = [];
  ended: number | undefined;
  /** How many more frames fit before the budget is used up. */
  room = Number.POSITIVE_INFINITY;
  #waiters: (() => void)[] = [];
  get congested(): boolean {
    return this.room <= 0;
  }
  control(message: ServerControl): void {
    this.sent.push(message);
  }
  reply(message: ServerControl): void {
    this.sent.push(message);
  }
  kernel: Outbound['kernel'] = (slot, seq, info) => {
    this.sent.push({ type: 'kernel', changes: [{ slot, seq }], ...info });
  };
  trend: Outbound['trend'] = (slot, rows, marks) => {
    this.sent.push({ type: 'trend', slot, ...rows, ...mark(marks) });
    this.shared.push(rows);
    this.room--;
  };
  readonly #turns = turns();
  turn = this.#turns.take;
  get othersWait(): boolean {
    return this.#turns.othersWait;
  }
  writable(): Promise<void> {
    if (!this.congested) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push(resolve));
  }
  drain(frames = Number.POSITIVE_INFINITY): void {
    this.room = frames;
    for (const resolve of this.#waiters.splice(0)) resolve();
  }
  end(code: number): void {
    this.ended = code;
  }
  of<T extends Sent['type']>(type: T): Extract<Sent, { type: T }>[] {
    return this.sent.filter((message): message is Extract<Sent, { type: T }> => message.type === type);
  }
  /** What the subscriber has of channel 0: rows by seq, in order of arrival. */
  rows(): [seq: number, raw: number][] {
    return this.of('trend').flatMap(({ seq, rows, raw, stride = 1 }) =>
      Array.from({ length: rows }, (_, i): [number, number] => [seq + i * stride, raw![i]!]),
    );
  }
}

export function kernelAt(seq: number, taps: number, stream = 's'): FilterRecord {
  const kernels = [{ taps: sampleTaps(taps), bias: 0 }];
  const settings = { minCoverage: defaultMinCoverage(taps), fingerprint: 'f' };
  return { type: 'filter', stream, seq, kernels, sha256: `k${taps}`, model: 'm', version: taps, ...settings };
}

export function begin(channels = 1, epoch = '00000000000000e1', stream = 's'): LogRecord {
  const named = Array.from({ length: channels }, (_, c) => ({ name: `c${c}`, offset: 0 }));
  return { type: 'stream', stream, epoch, channels: named, rate: 10 };
}

/** Sample n of channel c is n + c/8. */
export function frame(seq: number, rows: number, channels = 1, stream = 's'): SamplesRecord {
  const planes = Float32Array.from(
    { length: rows * channels },
    (_, i) => seq + (i % rows) + Math.floor(i / rows) / 8,
  );
  return { type: 'samples', stream, seq, rows, planes, time: 1e12 + seq * 100, period: 100 };
}

export interface Bench {
  readonly log: SampleLog;
  readonly hub: Hub;
  readonly bank: FilterBank;
  put(...records: LogRecord[]): Promise<void>;
  subscribe(outbound: Outbound, message?: object): ReturnType<Hub['subscribe']>;
  settled(): Promise<void>;
}

/** A hub on a memory log. @param now its monotonic clock (ms) */
export function bench(now?: () => number): Bench {
  const log = memoryLog();
  const bank = filterBank({ provider: 'cpu' });
  const errors: unknown[] = [];
  const made = hub({
    log,
    history: history(log, bank),
    failed: (error) => errors.push(error),
    ...(now && { now }),
  });
  const maker = trendMaker(log, bank);
  let slots = 0;
  return {
    log,
    hub: made,
    bank,
    async put(...records) {
      const [all] = await Promise.all([maker.make(records), log.commit(records)]);
      made.release(all);
    },
    subscribe: (outbound, message = {}) =>
      made.subscribe(
        controlSchemas.subscribe.parse({
          type: 'subscribe',
          id: 1,
          streams: ['s'],
          fields: ['raw', 'trend'],
          ...message,
        }),
        { outbound, nextSlot: () => slots++, may: () => true },
      ),
    async settled() {
      for (let i = 0; i < 300; i++) await new Promise((resolve) => setImmediate(resolve));
      expect(errors).toEqual([]);
    },
  };
}

export const seqs = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);
