import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { CsvError, type Info, type Options, Parser } from 'csv-parse';
import { FirtrendError } from '../dsp/error.ts';
import { fileError, fileSize } from './fileError.ts';
import type { TableReader } from './tableRows.ts';

/** A quote that is never closed would otherwise take the rest of a large file into one cell. */
const longestRow = 2 ** 20;

/**
 * Streams a CSV file (RFC 4180, UTF-8, header required) to `reader`, one row at a time; blank lines are skipped where
 * there are several columns. What `reader` throws ends the reading and comes out unchanged.
 *
 * @returns SHA-256 of the file's bytes, hexadecimal
 * @throws FirtrendError `fileUnreadable`, `fileEmpty`, `csvHeader`, `csvDuplicateColumn`, `csvRagged`, `csvQuote`
 */
export async function csvRows(path: string, reader: TableReader): Promise<string> {
  const hash = createHash('sha256');
  let width = 0;
  let rowLine = 1;

  function record(cells: string[], { lines }: Info): null {
    if (width === 0) {
      width = cells.length;
      reader.header(checkedHeader(cells, path, lines));
    } else if (cells.length === width) {
      reader.row(cells, lines);
    } else if (cells.length > 1 || cells[0] !== '') {
      throw new FirtrendError(
        'csvRagged',
        `${path}, line ${lines}: expected ${width} columns as in the header, got ${cells.length}`,
      );
    }
    rowLine = lines + 1;
    return null;
  }

  const options: Options = {
    bom: true,
    trim: true,
    relax_column_count: true,
    max_record_size: longestRow,
    on_record: record,
  };
  const size = await fileSize(path);
  let read = 0;
  const bytes = createReadStream(path);
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
