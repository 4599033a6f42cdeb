import { setImmediate } from 'node:timers/promises';
import { FirtrendError } from '../../dsp/error.ts';
import type { Gap, KernelInfo, TrendRows } from '../../wire/serverMessages.ts';
import type { History } from '../hub/history.ts';
import { kernelInfo, sameKernel, type Topic } from '../hub/topic.ts';
import { type View, viewed } from '../hub/view.ts';

/** What of a stream's past there is to tell, in order: as the messages of the same names over a WebSocket. */
export type HistoryEntry =
  | ({ readonly type: 'kernel'; readonly seq: number } & KernelInfo)
  | Pick<Gap, 'type' | 'fromSeq' | 'toSeq' | 'reason'>
  | { readonly type: 'trend'; readonly rows: TrendRows };

/** An epoch of a stream as it was when somebody asked. */
export type PastStream = Pick<Topic, 'name' | 'epoch' | 'channels' | 'rate' | 'nextSeq' | 'kernel'>;

/**
 * Reads `[fromSeq, toSeq)` a little at a time, as fast as it is taken; what is live goes first.
 *
 * @throws FirtrendError `historyEnded` where the stream ended, began again or was trimmed past this point meanwhile
 */
export async function* historyEntries(
  history: History,
  stream: PastStream,
  range: { readonly fromSeq: number; readonly toSeq: number },
  view: View,
): AsyncGenerator<HistoryEntry> {
  const { toSeq } = range;
  const reader = history.reader(stream, range.fromSeq);
  let cursor = range.fromSeq;
  let told: PastStream['kernel'] | undefined;
  while (cursor < toSeq) {
    await setImmediate();
    const entries = await reader.read(toSeq);
    if (entries === undefined || cursor < history.floor(stream)) {
      throw new FirtrendError('historyEnded', `${stream.name} is no longer held from ${cursor} on`);
    }
    for (const entry of entries) {
      if (entry.type === 'damaged') {
        if (cursor < entry.seq) yield { type: 'gap', fromSeq: cursor, toSeq: entry.seq, reason: 'source' };
        if (cursor < entry.toSeq) {
          yield { type: 'gap', fromSeq: Math.max(cursor, entry.seq), toSeq: entry.toSeq, reason: 'damaged' };
          cursor = entry.toSeq;
        }
        continue;
      }
      if (entry.type !== 'trend') {
        if (told && sameKernel(entry, told)) continue;
        told = entry;
        yield { type: 'kernel', seq: Math.max(entry.seq, cursor), ...kernelInfo(entry) };
        continue;
      }
      const { seq, rows } = entry.samples;
      if (cursor < seq) yield { type: 'gap', fromSeq: cursor, toSeq: seq, reason: 'source' };
      for (const shown of viewed(entry, view)) yield { type: 'trend', rows: shown };
      cursor = seq + rows;
    }
    // Nothing is held of the rest.
    if (!entries.some(({ type }) => type === 'trend') && cursor < toSeq) {
      yield { type: 'gap', fromSeq: cursor, toSeq, reason: 'source' };
      return;
    }
  }
}
