import { csvRows } from './csvRows.ts';
import { ndjsonRows } from './ndjsonRows.ts';
import { parquetRows } from './parquetRows.ts';

/** Who takes the cells of a table: once the names, then every row with its number in the file. */
export interface TableReader {
  header(names: readonly string[]): void;
  /** @param place the row's line in the file (1 is the first); in Parquet, which has no lines, the row from 1 on */
  row(cells: readonly string[], place: number): void;
  /** How much of the file has been read, 0 … 1. */
  progress?(share: number): void;
}

/** What the rows of a format are counted in. */
export type PlaceUnit = 'line' | 'row';

interface TableFormat {
  readonly unit: PlaceUnit;
  /** Streams the table to the reader, cells as a CSV would hold them. @returns SHA-256 of the file, hexadecimal */
  readonly rows: (path: string, reader: TableReader) => Promise<string>;
}

/** The format of a recording by its ending: NDJSON, Parquet, else CSV. */
export function tableFormat(path: string): TableFormat {
  if (/\.(ndjson|jsonl)$/i.test(path)) return { unit: 'line', rows: ndjsonRows };
  if (/\.parquet$/i.test(path)) return { unit: 'row', rows: parquetRows };
  return { unit: 'line', rows: csvRows };
}
