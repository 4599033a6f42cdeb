import type { TrendBlock, TrendFilter } from '../filter/trendFilter.ts';
import type { Recording } from '../train/recording.ts';
import { recordingFrames } from './recordingFrames.ts';

/** Rows filtered in one call: enough to keep the runtime busy, little enough to keep memory flat. */
const rowsAtOnce = 4096;

/** The trends of a recording as `apply` makes them: in order, in as few calls as memory allows; gaps are left out. */
export async function* batchTrends(
  recording: Recording,
  filter: TrendFilter,
): AsyncGenerator<TrendBlock & { readonly seq: number; readonly rows: number }> {
  const window = filter.createWindow(recording.channels.length);
  let nextSeq = 0;
  for (const { seq, rows, planes } of recordingFrames(recording, rowsAtOnce)) {
    const [block] = await filter.run([{ window, gap: seq - nextSeq, planes, rows }]);
    nextSeq = seq + rows;
    yield { ...block!, seq, rows };
  }
}
