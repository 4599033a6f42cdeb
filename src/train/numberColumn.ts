import { FirtrendError } from '../dsp/error.ts';
import { decimalHint } from './csvDialect.ts';
import { bySeq, type RowClock } from './rowClock.ts';
import { mapped, numbersOf, type Samples } from './samples.ts';
import type { Scratch } from './scratch.ts';
import type { PlaceUnit } from './tableRows.ts';

/** One column of a table, read as numbers row by row. */
export interface NumberColumn {
  readonly name: string;
  /** @param place of the row in the file */
  push(cells: readonly string[], place: number): void;
  /** Whether it holds numbers and nothing else. */
  numeric(): boolean;
  /** Its first cell that is text, and where that is. */
  text(): string | undefined;
  /** The column by seq, minus its offset; NaN is missing, as are ±Infinity and what is beyond float32 (`overflow`). */
  samples(clock: RowClock, offset: number | 'first'): ColumnSamples;
}

interface ColumnSamples {
  readonly samples: Samples;
  readonly offset: number;
  readonly overflow: number;
}

/**
 * @param index of the column in a row's cells
 * @param wanted asked for by name: text in it is then the error `textColumn`, a column without a number
 *   `noNumericColumn`; else the column is not `numeric()`
 * @param unit what places are counted in
 * @param scratch where the numbers go
 */
export function numberColumn(
  path: string,
  name: string,
  index: number,
  wanted: boolean,
  unit: PlaceUnit,
  scratch: Scratch,
): NumberColumn {
  const numbers = scratch.column();
  let text: string | undefined;
  let present = false;
  return {
    name,
    push(cells, place) {
      if (text !== undefined) return;
      const cell = cells[index]!;
      const number = numberOf(cell);
      if (number === undefined) {
        if (wanted) {
          throw new FirtrendError(
            'textColumn',
            `${path}, ${unit} ${place}, column "${name}": expected a number or nothing, got "${cell}"${decimalHint(cell)}`,
          );
        }
        text = `"${cell}" in ${unit} ${place}${decimalHint(cell)}`;
        numbers.discard();
        return;
      }
      present ||= !Number.isNaN(number);
      numbers.push(number);
    },
    numeric() {
      if (wanted && !present) {
        throw new FirtrendError('noNumericColumn', `${path}, column "${name}": expected numbers, got none`);
      }
      return present && text === undefined;
    },
    text: () => text,
    samples(clock, wantedOffset) {
      const offset = wantedOffset === 'first' ? firstFinite(numbers) : wantedOffset;
      const sample = (number: number) => {
        const value = number - offset;
        return Number.isFinite(Math.fround(value)) ? value : Number.NaN;
      };
      let overflow = 0;
      for (const number of numbersOf(numbers)) {
        if (Number.isNaN(sample(number)) && !Number.isNaN(number)) overflow++;
      }
      return { samples: bySeq(mapped(numbers, sample), clock), offset, overflow };
    },
  };
}

function firstFinite(numbers: Samples): number {
  for (const number of numbersOf(numbers)) if (Number.isFinite(number)) return number;
  return 0;
}

/** What R, pandas and databases write for a value that is not there. */
const missing = /^([+-]?nan|na|n\/a|null)$/i;
const infinity = /^[+-]?inf(inity)?$/i;

/** NaN for an empty cell and for words that mean missing, undefined for other text. */
function numberOf(cell: string): number | undefined {
  if (cell === '') return Number.NaN;
  const number = Number(cell);
  if (!Number.isNaN(number)) return number;
  if (missing.test(cell)) return Number.NaN;
  if (infinity.test(cell)) return cell.startsWith('-') ? -Infinity : Infinity;
  return undefined;
}
