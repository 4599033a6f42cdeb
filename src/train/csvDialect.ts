/** What CSV files differ in: the sign between cells, and that of decimals. */
import { FirtrendError } from '../dsp/error.ts';

const separators = [',', ';', '\t'] as const;
export type Separator = (typeof separators)[number];

/** For people. */
export const separatorNames: Readonly<Record<Separator, string>> = {
  ',': 'commas',
  ';': 'semicolons',
  '\t': 'tabs',
};

/** The separator that stands most often in the header line, outside quotes; a comma where none does. */
export function separatorOf(head: string): Separator {
  const bare = head.replaceAll(/"[^"]*"?/g, '').trimStart();
  const [header = ''] = bare.split(/[\r\n]/, 1);
  const count = (separator: Separator) => header.split(separator).length;
  return separators.reduce((best, separator) => (count(separator) > count(best) ? separator : best));
}

const decimalComma = /^[+-]?\d*,\d+(e[+-]?\d+)?$/i;
const decimalPoint = /^[+-]?\d*\.\d+(e[+-]?\d+)?$/i;

/** What to say of text that would be a number with a decimal comma. */
export function decimalHint(cell: string): string {
  return decimalComma.test(cell) ? '; decimals with a comma need semicolons between the cells' : '';
}

/**
 * Reads decimal commas as points, cell by cell. Only where cells are separated by semicolons, as programs write them
 * whose decimals have commas: in other files "1,234" may as well be a thousand and more.
 *
 * @returns the cells; it throws FirtrendError `csvDecimal` where both signs occur, for then nobody can say what "1,234" is
 */
export function decimalReader(
  path: string,
  separator: Separator,
): (cells: string[], line: number) => string[] {
  if (separator !== ';') return (cells) => cells;
  let comma: string | undefined;
  let point: string | undefined;
  return (cells, line) => {
    for (let i = 0; i < cells.length; i++) {
      const cell = cells[i]!;
      if (decimalComma.test(cell)) {
        comma ??= `"${cell}" in line ${line}`;
        cells[i] = cell.replace(',', '.');
      } else if (decimalPoint.test(cell)) {
        point ??= `"${cell}" in line ${line}`;
      }
    }
    if (comma === undefined || point === undefined) return cells;
    throw new FirtrendError(
      'csvDecimal',
      `${path}, line ${line}: expected decimals with a comma or with a point, got both: ${comma}, ${point}`,
    );
  };
}
