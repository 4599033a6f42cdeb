import { FirtrendError } from '../dsp/error.ts';
import { recordedJitter, recordedPeriod, slotClock } from '../dsp/slots.ts';
import { numbersOf, type Samples } from './samples.ts';
import type { PlaceUnit } from './tableRows.ts';

/** Where each row of a file stands on its recording's clock. */
export interface RowClock {
  /** Samples per second. */
  readonly rate: number;
  /** Seqs from the first row to the last, those of missing rows included. */
  readonly length: number;
  /** Runs of rows with consecutive seqs, in order: where each begins. */
  readonly runs: readonly RowRun[];
}

interface RowRun {
  readonly row: number;
  readonly seq: number;
}

/** Rows at equal steps. */
export function equallySpaced(rows: number, rate: number): RowClock {
  return { rate, length: rows, runs: [{ row: 0, seq: 0 }] };
}

/**
 * The clock of rows from their times alone.
 *
 * @param times of the rows in ms
 * @param places of the rows in the file, counted in `unit`, for the error
 * @throws FirtrendError `timeBackwards` with file and place, `timeConstant`
 */
export function rowClock(path: string, times: Samples, places: Samples, unit: PlaceUnit): RowClock {
  // An iterable that begins anew each time it is asked.
  const all = { [Symbol.iterator]: () => numbersOf(times) };
  try {
    const period = recordedPeriod(all);
    const clock = slotClock(period, recordedJitter(all, period));
    const runs: RowRun[] = [];
    let row = 0;
    let next = -1;
    for (const time of all) {
      const seq = clock.push(time);
      if (seq !== next) runs.push({ row, seq });
      next = seq + 1;
      row++;
    }
    return { rate: 1000 / period, length: next, runs };
  } catch (error) {
    if (!(error instanceof FirtrendError)) throw error;
    const place = error.code === 'timeBackwards' ? `, ${unit} ${placeOf(backwards(all), places)}` : '';
    throw new FirtrendError(error.code, `${path}${place}: ${error.message}`, { cause: error });
  }
}

/** A column of rows by seq: NaN where no row is. */
export function bySeq(rows: Samples, { runs, length }: RowClock): Samples {
  const rowsOf = (run: number) => (runs[run + 1]?.row ?? rows.length) - runs[run]!.row;
  return {
    length,
    read(from, to) {
      let run = lastAtOrBefore(runs, from);
      const whole = runs[run]!;
      // Most recordings have no hole here: no copy.
      if (to <= whole.seq + rowsOf(run))
        return rows.read(whole.row + from - whole.seq, whole.row + to - whole.seq);
      const values = new Float64Array(to - from).fill(Number.NaN);
      for (; run < runs.length && runs[run]!.seq < to; run++) {
        const { row, seq } = runs[run]!;
        const first = Math.max(from, seq);
        const end = Math.min(to, seq + rowsOf(run));
        if (first < end) values.set(rows.read(row + first - seq, row + end - seq), first - from);
      }
      return values;
    },
  };
}

/** The index of the last run that begins at or before a seq. */
function lastAtOrBefore(runs: readonly RowRun[], seq: number): number {
  let [low, high] = [0, runs.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (runs[middle]!.seq <= seq) low = middle;
    else high = middle - 1;
  }
  return low;
}

function placeOf(row: number, places: Samples): number {
  return places.read(row, row + 1)[0]!;
}

/** The row at which time turns back: the first that is a whole period before its predecessor, else the first before it. */
function backwards(times: Iterable<number>): number {
  const period = recordedPeriod(times);
  let first: number | undefined;
  let row = 0;
  let previous = Number.NaN;
  for (const time of times) {
    if (previous - time > period) return row;
    if (previous - time > 0) first ??= row;
    previous = time;
    row++;
  }
  return first ?? 0;
}
