import { isDeepStrictEqual } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import {
  type Decision,
  type FilterChoice,
  initialState,
  type Reply,
  type StreamEvent,
  step,
} from '../../src/daemon/ingest/step.ts';
import { planeValues } from '../../src/dsp/frame.ts';
import { memoryLog } from '../../src/log/memoryLog.ts';
import type { LogRecord } from '../../src/log/sampleLog.ts';
import { counts, seed } from '../support/counts.ts';
import { planesOf } from '../support/planes.ts';
import { type HistoryEvent, history } from './histories.ts';
import { type Counted, type Kernel, NaiveStream, type Slot, type Told } from './naiveStream.ts';

/** What the histories have reached, so that they cannot pass by never getting there. */
const reached: Record<string, number> = {};
const reach = (what: string, times = 1): void => {
  reached[what] = (reached[what] ?? 0) + times;
};

function filterOf(kernel: Kernel): FilterChoice {
  if ('reason' in kernel) return kernel;
  const taps = Float32Array.of(1);
  return {
    kernels: [{ taps, bias: 0 }],
    sha256: kernel.name,
    model: kernel.name,
    version: 1,
    minCoverage: 0.5,
    fingerprint: 'f',
  };
}

/** `expect(…).toEqual`, but quick where all is well. */
function mustEqual(got: unknown, wanted: unknown, where: string): void {
  if (!isDeepStrictEqual(got, wanted)) expect(got, where).toEqual(wanted);
}

/** The event as a connection hands it to `step`. */
function stepEvent(event: Exclude<HistoryEvent, { type: 'restart' }>): StreamEvent {
  switch (event.type) {
    case 'open': {
      const { id: producer, kernel, ...rest } = event;
      return { ...rest, id: 1, producer, filter: filterOf(kernel) };
    }
    case 'samples': {
      const { values, now, ...rest } = event;
      const planes = Float32Array.from(values);
      const frame = { rows: values.length, channels: 1, values: planeValues(planes, values.length) };
      return { ...rest, ...frame, receivedAt: now, bytes: 4 * values.length };
    }
    case 'close':
      return { type: 'close', by: event.by, ...(event.asked && { id: 1 }) };
    case 'swap':
      return { type: 'swap', filter: filterOf(event.kernel) };
  }
}

/** A reply without ids, sizes and words, which no rule of a stream is about. */
function toldBy(reply: Reply): Told {
  const { connection, slot } = reply.to;
  const to: Slot = { connection, slot };
  if (reply.type === 'opened') return { type: 'opened', to, epoch: reply.epoch, nextSeq: reply.nextSeq };
  if (reply.type === 'ack') return { type: 'ack', to, nextSeq: reply.nextSeq };
  if (reply.type === 'error') return { type: 'error', to, code: reply.code };
  if (reply.type === 'closed') return { type: 'closed', to, ...(reply.reason && { reason: reply.reason }) };
  throw new Error(`expected no such reply: ${JSON.stringify(reply)}`);
}

function naively(model: NaiveStream, event: HistoryEvent): { told: Told[]; counted: Counted } {
  switch (event.type) {
    case 'open':
      return { told: model.open(event), counted: {} };
    case 'samples':
      return model.samples(event);
    case 'close':
      return { told: model.close(event.by, event.asked), counted: {} };
    case 'swap':
      model.swap(event.kernel);
      return { told: [], counted: {} };
    case 'restart':
      model.restart(event.kept);
      return { told: [], counted: {} };
  }
}

/** One epoch as the log's records tell it. */
interface Logged {
  readonly rows: Map<number, { value: number; time: number }>;
  readonly kernels: { seq: number; kernel: Kernel }[];
  nextSeq: number;
}

/** Reads records as a subscriber does: numbers grow, and what they leave out is a gap. */
function readRecords(lives: Map<string, Logged>, life: Logged | undefined, records: readonly LogRecord[]) {
  let present = life;
  let gapRows = 0;
  for (const record of records) {
    if (record.type === 'stream') {
      expect(lives.has(record.epoch)).toBe(false);
      present = { rows: new Map(), kernels: [], nextSeq: 0 };
      lives.set(record.epoch, present);
    } else if (record.type === 'samples') {
      if (record.seq < present!.nextSeq) expect.fail(`${record.seq} comes after ${present!.nextSeq - 1}`);
      gapRows += record.seq - present!.nextSeq;
      record.planes.forEach((value, i) => {
        present!.rows.set(record.seq + i, { value, time: record.time + i * record.period });
      });
      present!.nextSeq = record.seq + record.rows;
    } else if (record.type === 'deleted') {
      expect.fail('nothing deletes the stream');
    } else {
      mustEqual(record.seq, present!.nextSeq, 'seq of a kernel');
      const kernel = record.type === 'filter' ? { name: record.sha256 } : { reason: record.reason };
      present!.kernels.push({ seq: record.seq, kernel });
    }
  }
  return { present, gapRows };
}

/** A decision as it goes into the log. */
function recordOf(decision: Decision): LogRecord {
  if (decision.type !== 'samples') return decision;
  const { type, stream, seq, rows, time, period } = decision;
  return { type, stream, seq, rows, time, period, planes: planesOf(decision) };
}

/** What became of each history, without times: those are the one thing that a clock may change. */
async function simulate(from: number, jumps: boolean): Promise<string> {
  const world = history(from, jumps);
  const model = new NaiveStream();
  let log = memoryLog();
  let state = initialState('s', undefined);
  const lives = new Map<string, Logged>();
  let present: Logged | undefined;
  let uncommitted: LogRecord[] = [];
  const transcript: unknown[] = [];
  for (let i = 0; i < 80; i++) {
    const event = world.next();
    const { told, counted } = naively(model, event);
    reach(event.type);
    if (event.type === 'restart') {
      // All that was answered was committed before.
      await log.commit(uncommitted);
      uncommitted = [];
      if (!event.kept) {
        log = memoryLog();
        lives.clear();
        present = undefined;
      }
      state = initialState('s', log.head('s'));
      continue;
    }
    const result = step(state, stepEvent(event));
    state = result.state;
    const records = result.records.map(recordOf);
    uncommitted.push(...records);
    if (i % 7 === 0) await log.commit(uncommitted.splice(0));
    const where = `history ${from}, event ${i}`;
    mustEqual(result.replies.map(toldBy), told, where);
    mustEqual(result.counts, counted, where);
    const read = readRecords(lives, present, records);
    if (read.present !== present && lives.size > 1) reach('new epochs');
    present = read.present;
    // Each loss is announced: what is missing between two frames is a gap, and is counted as one.
    mustEqual(read.gapRows, counted.gapRows ?? 0, where);
    if (event.type === 'samples') accountFor(event, result.replies, present, where);
    for (const reply of told)
      reach(reply.type === 'error' ? reply.code : ('reason' in reply && reply.reason) || reply.type);
    for (const [what, times] of Object.entries(counted)) reach(what, times);
    world.hear(told);
    const { irregularFrames: _, ...steady } = result.counts;
    transcript.push([told, steady, records.map((record) => ({ ...record, time: 0 }))]);
  }
  await log.commit(uncommitted);
  const wanted = model.lives.map(({ epoch, rows, kernels, head }) => [
    epoch,
    { rows, kernels, nextSeq: head },
  ]);
  mustEqual([...lives], wanted, `history ${from}`);
  await expectLogHolds(log, present);
  return JSON.stringify(transcript);
}

/** Every row of a frame is in the log, or its number was taken before, or its sender is told that it is not. */
function accountFor(
  frame: Extract<HistoryEvent, { type: 'samples' }>,
  replies: readonly Reply[],
  life: Logged | undefined,
  where: string,
): void {
  const [reply] = replies;
  // Only who has no slot hears nothing: `closed`, or the end of its connection, came before.
  if (!reply) return;
  mustEqual([reply.to, replies.length], [frame.by, 1], where);
  if (reply.type === 'error') return;
  if (reply.type !== 'ack') expect.fail(`${where}: expected an ack, got ${reply.type}`);
  const first = frame.seq ?? reply.nextSeq - frame.values.length;
  for (const [i, value] of frame.values.entries()) {
    const kept = life!.rows.get(first + i)?.value;
    // Where it is neither, a gap was told under this number before it came.
    if (kept === value) reach('rows kept');
    else if (kept !== undefined) reach('rows beaten by the first');
    else reach('rows too late for their gap');
    if (first + i >= reply.nextSeq) expect.fail(`${where}: ${first + i} is not acknowledged`);
  }
}

async function expectLogHolds(log: ReturnType<typeof memoryLog>, life: Logged | undefined): Promise<void> {
  expect(log.head('s')?.nextSeq).toBe(life?.nextSeq);
  if (!life) return;
  const held = new Map<number, number>();
  for await (const record of log.read('s', 0, life.nextSeq)) {
    if (record.type !== 'samples') continue;
    for (const [i, value] of record.planes.entries()) held.set(record.seq + i, value);
  }
  mustEqual(held, new Map([...life.rows].map(([seq, { value }]) => [seq, value])), 'what the log holds');
}

const histories = counts(1_000, 100_000);

test(`${histories} histories of duplicates, gaps, reorder, restarts, epochs, takeovers and swaps go as written (from seed ${seed})`, async () => {
  for (let i = 0; i < histories; i++) await simulate(seed + i, true);
});

test(`a clock that jumps by an hour changes time stamps and what is called irregular, and nothing else (seed ${seed})`, async () => {
  for (let i = 0; i < histories / 10; i++) {
    expect(await simulate(seed + i, true), `history ${seed + i}`).toBe(await simulate(seed + i, false));
  }
});

afterAll(() => {
  process.stdout.write(`histories reached ${JSON.stringify(reached)}\n`);
  for (const what of [
    ...['open', 'samples', 'close', 'swap', 'restart', 'opened', 'closed', 'ack', 'takenOver'],
    ...['streamBusy', 'seqBelowHead', 'limit', 'new epochs', 'rows kept', 'rows beaten by the first'],
    ...['rows too late for their gap', 'duplicateRows', 'gapRows', 'irregularFrames', 'droppedFrames'],
  ]) {
    expect(reached[what], what).toBeGreaterThan(histories / 10);
  }
});
