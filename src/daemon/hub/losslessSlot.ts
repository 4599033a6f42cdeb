import { setImmediate } from 'node:timers/promises';
import { closeCodes } from '../../wire/closeCodes.ts';
import type { TrendRecord } from '../ingest/trendMaker.ts';
import type { History } from './history.ts';
import type { Outbound } from './outbound.ts';
import { type KernelRecord, kernelInfo, type Slot, sameKernel, type Topic } from './topic.ts';
import { type View, viewed, viewKey } from './view.ts';

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
  const key = viewKey(view);
  let cursor = options.fromSeq;
  let told = topic.kernel;
  let live = false;
  let closed = false;
  let spoke = false;
  /** A gap has been told since the last frame went out: the view may have had no row of the frame behind it. */
  let gapSince = false;

  /** The frames a record is shown as, each with where the cursor is after it. */
  function* frames(record: TrendRecord, replay: boolean) {
    const { samples } = record;
    const end = samples.seq + samples.rows;
    if (cursor < samples.seq) {
      const range = { fromSeq: cursor, toSeq: samples.seq };
      outbound.control({ type: 'gap', slot: number, ...range, reason: 'source', ...(replay && { replay }) });
      cursor = samples.seq;
      gapSince = true;
    }
    const shown = viewed(record, view);
    for (const [part, rows] of shown.entries()) {
      yield { rows: gapSince ? { ...rows, afterGap: true } : rows, part, end: shown[part + 1]?.seq ?? end };
      gapSince = false;
      spoke = true;
    }
    // Where the view has no row of it.
    cursor = end;
  }

  function deliverLive(record: TrendRecord): void {
    for (const { rows, part, end } of frames(record, false)) {
      if (outbound.congested) {
        fallBehind();
        return;
      }
      outbound.trend(number, rows, { of: record, key: `${key}/${part}/${rows.afterGap === true}` });
      cursor = end;
    }
  }

  async function deliverReplay(record: TrendRecord): Promise<void> {
    for (const { rows, end } of frames(record, true)) {
      await outbound.writable();
      if (closed) return;
      outbound.trend(number, { ...rows, replay: true });
      cursor = end;
    }
  }

  function tell(record: KernelRecord): void {
    if (sameKernel(record, told)) return;
    told = record;
    // In force before the cursor, it concerns the frames from the cursor on.
    const changes = [{ slot: number, seq: Math.max(record.seq, cursor) }];
    outbound.control({ type: 'kernel', changes, ...kernelInfo(record) });
  }

  /** Reads what is owed from the log, a little at a time, until the head is reached; then is live. */
  async function catchUp(): Promise<void> {
    const reader = history.reader(topic, cursor);
    while (cursor < topic.nextSeq) {
      // Others have their turn between two steps.
      await setImmediate();
      await outbound.writable();
      if (closed) return;
      const entries = await reader.read(topic.nextSeq);
      // Closed, or the stream began again, while the log was read.
      if (closed || entries === undefined) return;
      if (cursor < history.floor(topic)) {
        outbound.end(closeCodes.tooSlow, `slot ${number}: ${topic.name} is no longer held from ${cursor} on`);
        return;
      }
      for (const entry of entries) {
        if ('samples' in entry) await deliverReplay(entry);
        else tell(entry);
        if (closed) return;
      }
    }
    live = true;
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
      if (cursor === topic.nextSeq) live = true;
      else fallBehind();
    },
    offer(record) {
      if (live) deliverLive(record);
    },
    swap(record) {
      if (live) tell(record);
    },
    silentAt() {
      const silent = live && !spoke;
      spoke = false;
      return silent ? cursor : undefined;
    },
    close() {
      closed = true;
    },
    unsent: () => (live ? undefined : { fromSeq: cursor, toSeq: topic.nextSeq }),
  };
}
