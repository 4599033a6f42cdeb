import { FirtrendError } from '../dsp/error.ts';
import { recordedPeriod, slots } from '../dsp/slots.ts';
import type { Recording } from './recording.ts';
import type { PlaceUnit } from './tableRows.ts';

/**
 * The seqs and the rate of rows from their times alone.
 *
 * @param times of the rows in ms
 * @param places of the rows in the file, counted in `unit`, for the error
 * @throws FirtrendError `timeBackwards` with file and place, `timeConstant`
 */
export function rowClock(
  path: string,
  times: readonly number[],
  places: readonly number[],
  unit: PlaceUnit,
): Pick<Recording, 'seqs' | 'times' | 'rate'> {
  try {
    const period = recordedPeriod(times);
    return { seqs: slots(times, period), times: Float64Array.from(times), rate: 1000 / period };
  } catch (error) {
    if (!(error instanceof FirtrendError)) throw error;
    const place = error.code === 'timeBackwards' ? `, ${unit} ${places[backwards(times)]}` : '';
    throw new FirtrendError(error.code, `${path}${place}: ${error.message}`, { cause: error });
  }
}

/** The row at which time turns back: the first that is a whole period before its predecessor, else the first before it. */
function backwards(times: readonly number[]): number {
  const stepsBackBy = (least: number) =>
    times.findIndex((time, row) => row > 0 && times[row - 1]! - time > least);
  const row = stepsBackBy(recordedPeriod(times));
  return row > 0 ? row : stepsBackBy(0);
}
