import { setImmediate } from 'node:timers/promises';
import type { DamagedRecord } from '../../log/sampleLog.ts';
import { closeCodes } from '../../wire/closeCodes.ts';
import type { Gap } from '../../wire/serverMessages.ts';
import type { TrendRecord } from '../ingest/trendMaker.ts';
import type { History } from './history.ts';
import type { Outbound } from './outbound.ts';
import type { Slot } from './slot.ts';
import { type KernelRecord, kernelInfo, sameKernel, type Topic } from './topic.ts';
import { type View, viewed } from './view.ts';

export interface LosslessOptions {
  readonly number: number;
  readonly topic: Topic;
  readonly view: View;
  readonly outbound: Outbound;
  readonly history: History;
  /** The first seq it is owed. */
  readonly fromSeq: number;
  /** Where work that nobody awaits reports its errors. */
  readonly failed: (error: unknown) => void;
}

/**
 * A cursor on the log. Live, the cursor is at the head and released frames go out as they are. When the connection is
 * over its budget, or the subscription began in the past, frames are not queued: the cursor stays, and they are read
 * from the log again (and filtered again, which gives the same bits) once there is room.
 */
export function losslessSlot(options: LosslessOptions): Slot & { start(): void } {
  const { number, topic, view, outbound, history } = options;
  let cursor = options.fromSeq;
  let told = topic.kernel;
  let live = false;
  let closed = false;
  let spoke = false;
  let wasLive = false;
  /** Seqs that never came and have not been told yet; with `every`, from the first such to the last. */
  let untold: (Pick<Gap, 'reason'> & { readonly fromSeq: number; toSeq: number }) | undefined;
  /** A gap has been told since the last frame went out. */
  let gapSince = false;

  /** The seqs from the cursor to `seq` are not there. Told at once, or with `every` together with the next of its kind. */
  function skip(seq: number, replay: boolean, reason: Gap['reason'] = 'source'): void {
    if (untold && untold.reason !== reason) tellGap(replay);
    untold ??= { fromSeq: cursor, toSeq: seq, reason };
    untold.toSeq = seq;
    cursor = seq;
    if (view.every === 1) tellGap(replay);
  }

  /** Gaps with no row of the view between them are one, and one that holds no row of the view is none. */
  function tellGap(replay: boolean): void {
    if (!untold) return;
    const range = untold;
    untold = undefined;
    if (Math.ceil(range.fromSeq / view.every) * view.every >= range.toSeq) return;
    outbound.control({ type: 'gap', slot: number, ...range, ...(replay && { replay }) });
    gapSince = true;
  }

  async function deliverReplay(record: TrendRecord): Promise<void> {
    const { samples } = record;
    if (cursor < samples.seq) skip(samples.seq, true);
    const frames = viewed(record, view);
    for (const [i, rows] of frames.entries()) {
      await outbound.writable();
      if (closed) return;
      // What an earlier step has told lies before the cursor.
      tellGap(true);
      outbound.trend(number, rows, { replay: true, afterGap: gapSince });
      gapSince = false;
      spoke = true;
      cursor = frames[i + 1]?.seq ?? samples.seq + samples.rows;
    }
    cursor = samples.seq + samples.rows;
  }

  function lose({ seq, toSeq }: DamagedRecord): void {
    if (cursor < seq) skip(seq, true);
    if (cursor < toSeq) skip(toSeq, true, 'damaged');
  }

  function tell(record: KernelRecord): void {
    if (sameKernel(record, told)) return;
    told = record;
    // In force before the cursor, it concerns the frames from the cursor on.
    outbound.kernel(number, Math.max(record.seq, cursor), kernelInfo(record));
  }

  /** Reads what is owed from the log, a little at a time, until the head is reached; then is live. */
  async function catchUp(): Promise<void> {
    while (!closed && !live) await outbound.turn(takeTurn);
  }

  /** Catches up, but gives way to other slots of the connection after each step. */
  async function takeTurn(): Promise<void> {
    const reader = history.reader(topic, cursor);
    do {
      if (cursor === topic.nextSeq) {
        goLive();
        return;
      }
      // Others have their turn of the event loop between two steps.
      await setImmediate();
      await outbound.writable();
      if (closed) return;
      const entries = await reader.read(topic.nextSeq);
      if (closed) return;
      if (entries === undefined) {
        // The stream has ended or begun again: the subscription hears of it.
        closed = true;
        return;
      }
      if (cursor < history.floor(topic)) {
        outbound.end(closeCodes.tooSlow, `slot ${number}: ${topic.name} is no longer held from ${cursor} on`);
        return;
      }
      for (const entry of entries) {
        if (entry.type === 'trend') await deliverReplay(entry);
        else if (entry.type === 'damaged') lose(entry);
        else tell(entry);
        if (closed) return;
      }
    } while (cursor === topic.nextSeq || !outbound.othersWait);
  }

  function goLive(): void {
    live = true;
    wasLive = true;
    tellGap(true);
    tell(topic.kernel);
    outbound.control({ type: 'live', slot: number, seq: cursor });
  }

  function fallBehind(): void {
    live = false;
    catchUp().catch((error: unknown) => {
      // Reading a log that closes under a slot that has ended is no failure.
      if (!closed) options.failed(error);
    });
  }

  return {
    number,
    topic,
    start() {
      if (cursor === topic.nextSeq) {
        live = true;
        wasLive = true;
      } else {
        fallBehind();
      }
    },
    offer(offered) {
      if (!live) return;
      const { seq, rows } = offered.record.samples;
      if (cursor < seq) skip(seq, false);
      const frames = offered.frames();
      for (let i = 0; i < frames.length; i++) {
        if (outbound.congested) {
          fallBehind();
          return;
        }
        tellGap(false);
        outbound.trend(number, frames[i]!, gapSince ? afterGap : plain);
        gapSince = false;
        spoke = true;
        cursor = frames[i + 1]?.seq ?? seq + rows;
      }
      // Where the view has no row of it.
      cursor = seq + rows;
    },
    swap(record) {
      if (live) tell(record);
    },
    silentAt() {
      if (live) tellGap(false);
      const silent = live && !spoke;
      spoke = false;
      return silent ? cursor : undefined;
    },
    close() {
      closed = true;
    },
    unsent() {
      if (!live) return { fromSeq: cursor, toSeq: topic.nextSeq, reason: wasLive ? 'slow' : 'trimmed' };
      tellGap(false);
      return undefined;
    },
  };
}

const plain = { replay: false, afterGap: false } as const;
const afterGap = { replay: false, afterGap: true } as const;
