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
 * over its budget, or the subscription began in the past, the frames are not queued: the cursor stays, and they are
 * read from the log again (and filtered again, which gives the same bits) once there is room.
 */
export function losslessSlot(options: LosslessOptions): Slot & { start(): void } {
  const { number, topic, view, outbound, history } = options;
  const key = viewKey(view);
  let cursor = options.fromSeq;
  let live = false;
  let closed = false;
  let told = topic.kernel;
  let spoke = false;

  function deliver(record: TrendRecord, replay: boolean): void {
    const { samples, gap } = record;
    if (gap > 0) {
      const range = { fromSeq: samples.seq - gap, toSeq: samples.seq };
      outbound.control({ type: 'gap', slot: number, ...range, reason: 'source', ...(replay && { replay }) });
    }
    viewed(record, view).forEach((rows, part) => {
      if (replay) outbound.trend(number, { ...rows, replay });
      else outbound.trend(number, rows, { of: record, key: `${key}/${part}` });
    });
    cursor = samples.seq + samples.rows;
    spoke = true;
  }

  function tell(record: KernelRecord): void {
    if (sameKernel(record, told)) return;
    told = record;
    // In force before the cursor, it concerns the frames from the cursor on.
    const changes = [{ slot: number, seq: Math.max(record.seq, cursor) }];
    outbound.control({ type: 'kernel', changes, ...kernelInfo(record) });
  }

  /** Reads what is owed from the log until the head is reached, then is live. */
  async function catchUp(): Promise<void> {
    const reader = history.reader(topic, cursor);
    while (cursor < topic.nextSeq) {
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
        if ('samples' in entry) deliver(entry, true);
        else tell(entry);
      }
    }
    live = true;
    tell(topic.kernel);
    outbound.control({ type: 'live', slot: number, seq: cursor });
  }

  function fallBehind(): void {
    live = false;
    catchUp().catch(options.failed);
  }

  return {
    number,
    topic,
    start() {
      if (cursor === topic.nextSeq) live = true;
      else fallBehind();
    },
    offer(record) {
      if (!live) return;
      if (outbound.congested) fallBehind();
      else deliver(record, false);
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
  };
}
