import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  initialState,
  type OpenEvent,
  type ProducerSlot,
  type Reply,
  type SamplesEvent,
  type Step,
  type StreamEvent,
  type StreamState,
  step,
  type TakenFrame,
} from '../../src/daemon/ingest/step.ts';
import { planeValues } from '../../src/dsp/frame.ts';
import { planesOf } from '../support/planes.ts';

const filter = {
  kernels: [{ taps: new Float32Array([0.75, 0.25]), bias: 0 }],
  sha256: 'aa',
  model: 'gait',
  version: 1,
  minCoverage: 0.25,
  fingerprint: 'f',
};
const a: ProducerSlot = { connection: 1, slot: 1 };
const b: ProducerSlot = { connection: 2, slot: 7 };

function opening(by: ProducerSlot, more: Partial<OpenEvent> = {}): OpenEvent {
  const channels = [{ name: 'x', offset: 0 }];
  return { type: 'open', by, id: 1, channels, rate: 10, freshEpoch: 'e1', filter, ...more };
}

/** One channel whose sample at seq n is n. */
function frame(by: ProducerSlot, seq: number | undefined, rows: number, from = seq ?? 0): SamplesEvent {
  const planes = Float32Array.from({ length: rows }, (_, i) => from + i);
  return {
    type: 'samples',
    by,
    seq,
    rows,
    channels: 1,
    values: planeValues(planes, rows),
    receivedAt: 5_000_000,
    bytes: 10 * rows,
  };
}

function run(events: StreamEvent[], state: StreamState = initialState('s', undefined)): Step[] {
  const steps: Step[] = [];
  for (const event of events) {
    steps.push(step(state, event));
    state = steps.at(-1)!.state;
  }
  return steps;
}

const last = (events: StreamEvent[]): Step => run(events).at(-1)!;
const replies = (steps: Step[]): Reply[] => steps.flatMap((s) => s.replies);

describe('open', () => {
  test('a new stream: its record, its kernel from seq 0, and the answer', () => {
    const { records, replies } = last([opening(a)]);
    expect(records).toMatchObject([
      { type: 'stream', stream: 's', epoch: 'e1', rate: 10 },
      { type: 'filter', stream: 's', seq: 0, sha256: 'aa' },
    ]);
    expect(replies).toEqual([{ type: 'opened', to: a, id: 1, epoch: 'e1', nextSeq: 0 }]);
  });

  test('a second producer is refused, unless it is the same device or takes over; then the older is told', () => {
    expect(replies(run([opening(a), opening(b)]))[1]).toMatchObject({
      type: 'error',
      code: 'streamBusy',
      to: b,
    });
    for (const [first, second] of [
      [{ producer: 'dev' }, { producer: 'dev' }],
      [{}, { takeover: true }],
    ]) {
      const { replies } = last([opening(a, first), opening(b, second)]);
      expect(replies).toMatchObject([
        { type: 'closed', to: a, reason: 'takenOver' },
        { type: 'opened', to: b },
      ]);
    }
    expect(last([opening(a, { producer: 'x' }), opening(b, { producer: 'y' })]).replies).toMatchObject([
      { code: 'streamBusy' },
    ]);
  });

  test('frames of a slot that was taken over are dropped and counted', () => {
    const { records, counts } = last([opening(a), opening(b, { takeover: true }), frame(a, 0, 3)]);
    expect(records).toEqual([]);
    expect(counts).toEqual({ droppedFrames: 1 });
  });

  test.each([
    ['other channels', { channels: [{ name: 'y', offset: 0 }] }],
    ['another offset', { channels: [{ name: 'x', offset: 3 }] }],
    ['another rate', { rate: 11 }],
    ['a producer that knows of more than we hold', { epoch: 'e1', nextSeq: 9 }],
  ])('%s: a new epoch, numbered from 0', (_name, more) => {
    const steps = run([
      opening(a),
      frame(a, 0, 5),
      { type: 'close', by: a },
      opening(b, { freshEpoch: 'e2', ...more }),
    ]);
    expect(steps.at(-1)!.replies).toMatchObject([{ type: 'opened', epoch: 'e2', nextSeq: 0 }]);
    expect(steps.at(-1)!.records).toMatchObject([
      { type: 'stream', epoch: 'e2' },
      { type: 'filter', seq: 0 },
    ]);
  });

  test('the same stream goes on where it was, under the same epoch', () => {
    const { replies, records } = last([
      opening(a),
      frame(a, 0, 5),
      { type: 'close', by: a },
      opening(b, { freshEpoch: 'e2' }),
    ]);
    expect(replies).toMatchObject([{ type: 'opened', epoch: 'e1', nextSeq: 5 }]);
    expect(records).toEqual([]);
  });
});

describe('samples', () => {
  test('a frame that overlaps: the held part is counted and dropped, the rest taken, all acknowledged', () => {
    const quoted = { epoch: 'e1', nextSeq: 0 };
    const { records, replies, counts } = last([
      opening(a),
      opening(a, { ...quoted, takeover: true }),
      frame(a, 0, 5),
      frame(a, 3, 4),
    ]);
    expect(records).toMatchObject([{ type: 'samples', seq: 5, rows: 2 }]);
    expect(planesOf(records[0] as TakenFrame)).toEqual(Float32Array.of(5, 6));
    expect(replies).toEqual([{ type: 'ack', to: a, nextSeq: 7, bytes: 40 }]);
    expect(counts).toMatchObject({ duplicateRows: 2 });
  });

  test('a device that rebooted and counts from 0 without quoting the epoch hears of it, never silence', () => {
    const { replies, records } = last([
      opening(a),
      frame(a, 0, 5),
      { type: 'close', by: a },
      opening(b),
      frame(b, 0, 9),
    ]);
    expect(replies).toMatchObject([{ type: 'error', code: 'seqBelowHead', field: 'seq', to: b }]);
    expect(replies[0]).toHaveProperty('message', expect.stringContaining('at least 5'));
    expect(records).toEqual([]);
  });

  test('without seq the next one; without time stamped once so that the newest row is of this moment', () => {
    const [, first, second] = run([
      opening(a),
      frame(a, undefined, 3),
      { ...frame(a, undefined, 1), time: 7_000_000 },
    ]);
    expect(first!.records).toMatchObject([{ seq: 0, time: 5_000_000 - 200, period: 100 }]);
    expect(second!.records).toMatchObject([{ seq: 3, time: 7_000_000 }]);
    expect(second!.counts).toEqual({ irregularFrames: 1 });
  });

  test('the time of what is left of an overlapping frame is that of its own first row', () => {
    const quoted = opening(b, { epoch: 'e1', takeover: true });
    const { records } = last([opening(a), frame(a, 0, 5), quoted, { ...frame(b, 4, 3), time: 400 }]);
    expect(records).toMatchObject([{ seq: 5, rows: 2, time: 500 }]);
  });
});

test('a frame that would pass the last exact number is refused, and the stream goes on', () => {
  const most = Number.MAX_SAFE_INTEGER;
  const [, refused, taken] = run([opening(a), frame(a, most, 1), frame(a, most - 1, 1)]);
  expect(refused!.replies).toMatchObject([{ type: 'error', code: 'limit', field: 'seq', to: a }]);
  expect(refused!.records).toEqual([]);
  expect(taken!.replies).toMatchObject([{ type: 'ack', nextSeq: most }]);
});

describe('swap', () => {
  test('takes effect at the next seq; the same kernel again is no swap', () => {
    const other = { ...filter, sha256: 'bb', version: 2 };
    const steps = run([
      opening(a),
      frame(a, 0, 5),
      { type: 'swap', filter },
      { type: 'swap', filter: other },
    ]);
    expect(steps[2]!.records).toEqual([]);
    expect(steps[3]!.records).toMatchObject([{ type: 'filter', seq: 5, version: 2 }]);
  });

  test('a stream that has not begun takes its kernel when it begins', () => {
    expect(last([{ type: 'swap', filter }]).records).toEqual([]);
  });
});

test('any history of resends, gaps and overlaps: each seq is logged once, with the first value sent for it', () => {
  const send = fc.record({ back: fc.nat(12), ahead: fc.nat(3), rows: fc.integer({ min: 1, max: 8 }) });
  fc.assert(
    fc.property(fc.array(send, { maxLength: 60 }), (sends) => {
      let state = run([opening(a)]).at(-1)!.state;
      const model = new Map<number, number>();
      const logged = new Map<number, number>();
      let head = 0;
      sends.forEach(({ back, ahead, rows }, serial) => {
        const seq = Math.max(0, head - back) + ahead;
        const result = step(state, frame(a, seq, rows, serial * 1000));
        state = result.state;
        for (let i = 0; i < rows; i++) if (seq + i >= head) model.set(seq + i, serial * 1000 + i);
        head = Math.max(head, seq + rows);
        for (const record of result.records) {
          if (record.type !== 'samples') continue;
          planesOf(record).forEach((value, i) => {
            expect(logged.has(record.seq + i)).toBe(false);
            logged.set(record.seq + i, value);
          });
        }
        expect(result.replies).toEqual([{ type: 'ack', to: a, nextSeq: head, bytes: 10 * rows }]);
      });
      expect(logged).toEqual(model);
      expect(state.nextSeq).toBe(head);
    }),
  );
});

test('step changes nothing it is given', () => {
  const deepFreeze = <T>(value: T): T => {
    if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
      for (const part of Object.values(value)) deepFreeze(part);
      Object.freeze(value);
    }
    return value;
  };
  let state = deepFreeze(initialState('s', undefined));
  for (const event of [opening(a), frame(a, 0, 3), frame(a, 2, 3), opening(b, { takeover: true })]) {
    state = deepFreeze(step(state, deepFreeze(event)).state);
  }
  expect(state.nextSeq).toBe(5);
});
