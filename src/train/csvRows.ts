import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, type ReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { CsvError, type Info, type Options, Parser } from 'csv-parse';
import { FirtrendError } from '../dsp/error.ts';
import { decimalHint, decimalReader, type Separator, separatorNames, separatorOf } from './csvDialect.ts';
import { fileError, fileSize } from './fileError.ts';
import type { TableReader } from './tableRows.ts';

/** A quote that is never closed would otherwise take the rest of a large file into one cell. */
const longestRow = 2 ** 20;

/**
 * Streams a CSV file (RFC 4180, UTF-8, header required) to `reader`, one row at a time. Cells are separated by commas,
 * semicolons or tabs, as the header line shows, decimals with semicolons may have a comma, and lines may end in CRLF, LF
 * or CR; blank lines are skipped where there are several columns. What `reader` throws ends the reading and comes out unchanged.
 *
 * @returns SHA-256 of the file's bytes, hexadecimal
 * @throws FirtrendError `fileUnreadable`, `fileEmpty`, `csvHeader`, `csvDuplicateColumn`, `csvRagged`, `csvDecimal`, `csvQuote`
 */
export async function csvRows(path: string, reader: TableReader): Promise<string> {
  const hash = createHash('sha256');
  let width = 0;
  let rowLine = 1;
  const size = await fileSize(path);
  const bytes = createReadStream(path);
  const separator = separatorOf(await firstText(bytes, path));
  const decimals = decimalReader(path, separator);

  function record(cells: string[], { lines }: Info): null {
    const blank = cells.length === 1 && cells[0] === '';
    if (width === 0) {
      if (blank) return null;
      width = cells.length;
      reader.header(checkedHeader(cells, path, lines));
    } else if (cells.length === width) {
      reader.row(decimals(cells, lines), lines);
    } else if (!blank) {
      throw new FirtrendError(
        'csvRagged',
        `${path}, line ${lines}: expected ${width} columns separated by ${separatorNames[separator]}, as in the header, ` +
          `got ${cells.length}${raggedHint(cells, width, separator)}`,
      );
    }
    rowLine = lines + 1;
    return null;
  }

  const options: Options = {
    delimiter: separator,
    record_delimiter: ['\r\n', '\n', '\r'],
    bom: true,
    trim: true,
    relax_column_count: true,
    max_record_size: longestRow,
    on_record: record,
  };
  let read = 0;
  bytes.on('data', (chunk) => {
    hash.update(chunk);
    read += chunk.length;
    reader.progress?.(read / size);
  });
  // Rows are taken by `record`, so nothing comes out of the parser; it must flow all the same to come to its end.
  const parser = new Parser(options).resume();
  try {
    await pipeline(bytes, parser);
  } catch (error) {
    throw named(error, path, rowLine);
  }
  if (width === 0)
    throw new FirtrendError('fileEmpty', `${path}: expected a header and rows, got an empty file`);
  return hash.digest('hex');
}

/** The beginning of a file, which stays in the stream: a pipe can be read only once. */
async function firstText(bytes: ReadStream, path: string): Promise<string> {
  try {
    await once(bytes, 'readable');
  } catch (error) {
    throw fileError(error, path);
  }
  const head = bytes.read() as Buffer | null;
  if (head === null) return '';
  bytes.unshift(head);
  return head.toString();
}

/** Decimal commas between commas make a row longer than the header. */
function raggedHint(cells: readonly string[], width: number, separator: Separator): string {
  const cut = separator === ',' && cells.length > width && cells.every((cell) => /^[+-]?\d*$/.test(cell));
  return cut ? decimalHint('0,5') : '';
}

function checkedHeader(cells: readonly string[], path: string, line: number): string[] {
  // A comma at the end of each line and the index column of some programs have no name.
  const names = cells.map((cell, i) => cell || `column ${i + 1}`);
  if (names.every((name) => Number.isFinite(Number(name)))) {
    throw new FirtrendError(
      'csvHeader',
      `${path}, line ${line}: expected a header that names the columns, got the numbers ${names.join(', ')}`,
    );
  }
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined) {
    throw new FirtrendError(
      'csvDuplicateColumn',
      `${path}, line ${line}: expected distinct column names, got "${repeated}" more than once`,
    );
  }
  return names;
}

/** The error of a file or of its CSV with the file's name and the line its row begins at; any other error as it is. */
function named(error: unknown, path: string, line: number): unknown {
  if (error instanceof CsvError) {
    const open = error.code === 'CSV_QUOTE_NOT_CLOSED' || error.code === 'CSV_MAX_RECORD_SIZE';
    const what = open ? 'a quote that opens in this row is not closed' : error.message;
    return new FirtrendError('csvQuote', `${path}, line ${line}: ${what}`, { cause: error });
  }
  return fileError(error, path);
}
