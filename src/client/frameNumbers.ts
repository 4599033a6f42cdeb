import { FirtrendError } from '../dsp/error.ts';
import { sliceFrame } from '../dsp/frame.ts';
import { type SlotClock, slotClock } from '../dsp/slots.ts';
import type { SamplesFrame } from '../wire/codec.ts';
import { WireError } from '../wire/wireError.ts';
import { type ProducerFrame, planesOf } from './producerFrame.ts';

/** Rows that follow on each other, with their number. */
type Run = Omit<SamplesFrame, 'slot'> & { readonly seq: number };

/** How the frames of one producer get their numbers: all by their own and each other's, or all by their times. */
export interface FrameNumbers {
  /**
   * The frame cut where samples are missing. It counts only once `keep` is called, so a frame that is refused leaves
   * everything as it was. Throws `frameSize`, `limit`, `badMessage`, `timeBackwards`, `timeValue`.
   */
  of(frame: ProducerFrame, nextSeq: number): { readonly runs: readonly Run[]; readonly keep: () => void };
}

/** @param stream.rate samples per second that the source means to give; its own clock may drift from that */
export function frameNumbers(stream: { readonly channels: number; readonly rate: number }): FrameNumbers {
  let kind: 'numbers' | 'times' | undefined;
  let clock = slotClock(1000 / stream.rate);
  /** The number of the first row that had a time. */
  let base: number | undefined;

  return {
    of(frame, nextSeq) {
      const { rows, planes } = planesOf(frame, stream.channels);
      const mine = frame.times === undefined ? 'numbers' : 'times';
      if (kind !== undefined && kind !== mine) {
        const got = mine === 'times' ? 'some after none' : 'none after some';
        const text = `times: expected in all frames of a producer or in none, got ${got}`;
        throw new WireError('badMessage', text, { field: 'times' });
      }
      if (frame.times === undefined) {
        const { seq = nextSeq, time, period } = frame;
        return {
          runs: [{ seq, time, period, rows, planes }],
          keep: () => {
            kind = mine;
          },
        };
      }
      const { times } = frame;
      if (times.length !== rows) {
        const text = `times: expected ${rows}, one for each row, got ${times.length}`;
        throw new WireError('frameSize', text, { field: 'times' });
      }
      const trial = clock.copy();
      const first = base ?? nextSeq;
      const seqs = Array.from(times, (time, row) => first + numbered(trial, time, row));
      const runs = consecutive(seqs).map(([from, to]) => ({
        ...sliceFrame({ seq: seqs[from]! - from, rows, planes }, from, to),
        time: times[from]!,
      }));
      return {
        runs,
        keep: () => {
          kind = mine;
          clock = trial;
          base = first;
        },
      };
    },
  };
}

/** The rows `[from, to)` between gaps. */
function consecutive(seqs: readonly number[]): [from: number, to: number][] {
  const ends = seqs.flatMap((seq, row) => (seqs[row + 1] === seq + 1 ? [] : [row + 1]));
  return ends.map((to, i) => [ends[i - 1] ?? 0, to]);
}

function numbered(clock: SlotClock, time: number, row: number): number {
  try {
    return clock.push(time);
  } catch (cause) {
    if (!(cause instanceof FirtrendError)) throw cause;
    const code = cause.code === 'timeBackwards' ? 'timeBackwards' : 'timeValue';
    const field = `times[${row}]`;
    throw new WireError(code, cause.message.replace(/^time/, field), { field, cause });
  }
}
