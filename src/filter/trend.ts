import { concat, defer, from, mergeMap, type OperatorFunction, throwError } from 'rxjs';
import { FirtrendError } from '../dsp/error.ts';
import type { Frame } from '../dsp/frame.ts';
import { batchWhileBusy, type Defer } from './batchWhileBusy.ts';
import type { FilterJob } from './pack.ts';
import type { SampleWindow } from './sampleWindow.ts';
import type { TrendFilter } from './trendFilter.ts';
import type { TrendBlock } from './unpack.ts';

/** The trends of a frame's samples, at the same seqs. */
export interface TrendFrame extends TrendBlock {
  readonly seq: number;
  readonly rows: number;
}

/**
 * Turns the frames of one stream into their trends, one for one and in order. Each subscription has a window of its
 * own, empty at first and shared with nobody. Frames that arrive together, or while a call is under way, go in one call.
 *
 * Gaps are found by `seq`: numbers left out count as missing samples, and a jump longer than the kernel (so any of
 * `maxTaps` or more) starts from an empty window. The number of channels is that of the first frame.
 *
 * Errors: FirtrendError `seqBackwards` where a frame begins before the end of the last one (the trends of all frames
 * before it are emitted first); `frameSize`, `channelMismatch` and `filterFailed` as `TrendFilter.run` has them.
 *
 * Backpressure: there is none in RxJS, and none here. Frames that come faster than the engine filters them wait in
 * memory, without bound, to go in one larger call; a source that can be held back has to be, by its own means.
 *
 * Unsubscribing lets go of the source, the window and the answer of the call under way at once.
 *
 * @param model stays the caller's: it can serve many streams at once and is to be released by whoever opened it
 * @param wait when the first call after a rest starts; by default at the end of the event loop's turn
 * @example
 *     const model = await openModel('gait');
 *     frames.pipe(trend(model)).subscribe(({ seq, trend }) => draw(seq, trend));
 */
export function trend(model: TrendFilter, wait?: Defer): OperatorFunction<Frame, TrendFrame> {
  return (frames) =>
    defer(() => {
      const next = jobsOfStream(model);
      return frames.pipe(
        batchWhileBusy((batch) => {
          const jobs: FilterJob[] = [];
          let refusal: FirtrendError | undefined;
          for (const frame of batch) {
            const job = next(frame);
            if (job instanceof FirtrendError) {
              refusal = job;
              break;
            }
            jobs.push(job);
          }
          const trends = from(model.run(jobs)).pipe(
            mergeMap((blocks) => blocks.map((block, i) => named(batch[i]!, block))),
          );
          return refusal === undefined
            ? trends
            : concat(
                trends,
                throwError(() => refusal),
              );
        }, wait),
      );
    });
}

/** One stream's place in its numbering: turns each frame into a job, or says why it cannot be one. */
function jobsOfStream(model: TrendFilter): (frame: Frame) => FilterJob | FirtrendError {
  let window: SampleWindow | undefined;
  let nextSeq: number | undefined;
  return ({ seq, rows, planes }) => {
    window ??= model.createWindow(planes.length / rows);
    const gap = seq - (nextSeq ?? seq);
    if (gap < 0) return new FirtrendError('seqBackwards', `seq: expected ${nextSeq} or more, got ${seq}`);
    nextSeq = seq + rows;
    return { window, gap, planes, rows };
  };
}

function named({ seq, rows }: Frame, { trend, coverage }: TrendBlock): TrendFrame {
  return { seq, rows, trend, coverage };
}
