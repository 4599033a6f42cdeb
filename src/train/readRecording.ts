import { basename } from 'node:path';
import { FirtrendError, nearest } from '../dsp/error.ts';
import { type NumberColumn, numberColumn } from './numberColumn.ts';
import type { Recording, StoredRecording } from './recording.ts';
import { equallySpaced, type RowClock, rowClock } from './rowClock.ts';
import { type Samples, wholeOf } from './samples.ts';
import { createScratch, type Scratch } from './scratch.ts';
import { tableFormat } from './tableRows.ts';
import { checkedTimeUnit, timeColumn, timeStamp } from './timeStamps.ts';

export interface ReadOptions {
  /** The columns to take, in this order; left out, all that hold numbers, but the time. */
  readonly columns?: readonly string[];
  /** Samples per second of equally spaced rows (Hz); the time column is then not looked at. */
  readonly rate?: number;
  /** The name of the time column; left out, the first one called time…, date… or timestamp…. */
  readonly time?: string;
  /** The unit of a time column that holds numbers: `s` (default) or `ms`. */
  readonly timeUnit?: string;
  /**
   * Subtracted in float64 before anything else: 0 (default), each channel's first sample, or numbers: one per
   * channel, or one for all.
   */
  readonly offset?: 0 | 'first' | readonly number[];
  /** Told how much of the file has been read, 0 … 1. */
  readonly onProgress?: (share: number) => void;
}

/** No more slots than this per row (and a million): beyond it the stamps are wrong. */
const slotsPerRow = 64;

/**
 * Reads a recording into memory from a CSV file with a header, or from NDJSON (`.ndjson`, `.jsonl`) or Parquet
 * (`.parquet`). Empty cells and NaN are missing, and so are ±Infinity and numbers beyond float32 (counted in
 * `overflow`). Columns with text are left out and named, unless they were asked for.
 *
 * @throws FirtrendError as {@link openRecording} does
 */
export async function readRecording(path: string, options: ReadOptions = {}): Promise<Recording> {
  const scratch = createScratch(Infinity);
  const cells: string[] = [];
  const { recording, clock, times } = await scan(path, options, scratch, (cell) => cells.push(cell));
  const { samples, rows, clockName, ...rest } = recording;
  const seqs = new Float64Array(rows);
  clock.runs.forEach(({ row, seq }, r) => {
    for (let i = row; i < (clock.runs[r + 1]?.row ?? rows); i++) seqs[i] = seq + i - row;
  });
  return {
    ...rest,
    seqs,
    times: times === undefined ? seqs.map((seq) => (seq * 1000) / clock.rate) : wholeOf(times),
    values: samples.map(wholeOf),
    clock: clockName === null ? null : { name: clockName, cells },
  };
}

/**
 * Reads a recording of any length, once: what memory has no room for goes to a temporary file as numbers.
 *
 * @param scratch holds the samples for as long as the recording is used
 * @throws FirtrendError those of `csvRows`, `ndjsonRows` and `parquetRows`; `rateValue`, `timeUnit`, `unknownColumn`, `noTimeColumn`,
 *   `timeValue`, `timeBackwards`, `timeConstant`, `textColumn`, `noNumericColumn`, `tooFewRows`, `recordingGaps`,
 *   `offsetCount`, `scratch`
 */
export async function openRecording(
  path: string,
  options: ReadOptions,
  scratch: Scratch,
): Promise<StoredRecording> {
  return (await scan(path, options, scratch)).recording;
}

interface Scanned {
  readonly recording: StoredRecording;
  readonly clock: RowClock;
  /** Of the rows, ms; undefined with `rate`. */
  readonly times: Samples | undefined;
}

/** @param clockCell takes the text of each row's time */
async function scan(
  path: string,
  options: ReadOptions,
  scratch: Scratch,
  clockCell?: (cell: string) => void,
): Promise<Scanned> {
  const { columns: wanted, rate, time, offset = 0 } = options;
  const unit = checkedTimeUnit(options.timeUnit ?? 's');
  if (rate !== undefined && !(rate > 0 && rate < Infinity)) {
    throw new FirtrendError('rateValue', `rate: expected samples per second above 0, got ${rate}`);
  }
  let columns: NumberColumn[] = [];
  let clockColumn = -1;
  let clockName: string | undefined;
  let header: readonly string[] = [];
  let rows = 0;
  const times = rate === undefined ? { stamps: scratch.column(), places: scratch.column() } : undefined;
  const { unit: placeUnit, rows: readRows } = tableFormat(path);

  const sha256 = await readRows(path, {
    header(names) {
      header = names;
      for (const name of [...(wanted ?? []), ...(time === undefined ? [] : [time])])
        mustKnow(path, name, names);
      clockColumn = timeColumn(names, time);
      if (clockColumn < 0 && rate === undefined) {
        throw new FirtrendError(
          'noTimeColumn',
          `${path}: expected a column called time…, date… or timestamp…, got ${names.join(', ')}${oneColumn(names)}; ` +
            'name it with --time, or give --rate for equally spaced rows',
        );
      }
      clockName = names[clockColumn];
      const taken = wanted ?? names.filter((_, i) => i !== clockColumn);
      columns = taken.map((name) =>
        numberColumn(path, name, names.indexOf(name), wanted !== undefined, placeUnit, scratch),
      );
    },
    row(cells, place) {
      if (clockName !== undefined) clockCell?.(cells[clockColumn]!);
      times?.stamps.push(mustBeTime(cells[clockColumn]!, place));
      times?.places.push(place);
      for (const column of columns) column.push(cells, place);
      rows++;
    },
    progress: (share) => options.onProgress?.(share),
  });

  function mustBeTime(cell: string, place: number): number {
    const ms = timeStamp(cell, unit);
    if (Number.isFinite(ms)) return ms;
    throw new FirtrendError(
      'timeValue',
      `${path}, ${placeUnit} ${place}: expected a time in seconds or ISO 8601, got "${cell}"${oneColumn(header)}`,
    );
  }

  if (rows < 2) {
    throw new FirtrendError('tooFewRows', `${path}: expected at least 2 rows of samples, got ${rows}`);
  }
  const numeric = columns.filter((column) => column.numeric());
  if (numeric.length === 0) {
    throw new FirtrendError(
      'noNumericColumn',
      `${path}: expected a column of numbers, got ${texts(columns)}${oneColumn(header)}`,
    );
  }
  const offsets = channelOffsets(offset, numeric);
  const clock =
    times === undefined ? equallySpaced(rows, rate!) : rowClock(path, times.stamps, times.places, placeUnit);
  const { length } = clock;
  if (length > rows * slotsPerRow + 1e6) {
    throw new FirtrendError(
      'recordingGaps',
      `${path}: ${rows} rows at ${clock.rate} Hz would span ${length} samples by their times; split the recording ` +
        'at its gaps, or check --time and --time-unit',
    );
  }
  const taken = numeric.map((column, c) => column.samples(clock, offsets[c]!));
  return {
    recording: {
      name: basename(path),
      path,
      channels: numeric.map(({ name }) => name),
      leftOut: columns.filter((column) => !column.numeric()).map(({ name }) => name),
      rate: clock.rate,
      rows,
      length,
      samples: taken.map(({ samples }) => samples),
      offsets: taken.map(({ offset }) => offset),
      overflow: taken.map(({ overflow }) => overflow),
      clockName: clockName ?? null,
      sha256,
    },
    clock,
    times: times?.stamps,
  };
}

function mustKnow(path: string, name: string, names: readonly string[]): void {
  if (names.includes(name)) return;
  const near = nearest(name, names);
  throw new FirtrendError(
    'unknownColumn',
    `${path}: no column "${name}"; ${near.length > 0 ? `did you mean ${near.join(', ')}?` : `there are ${names.join(', ')}`}`,
  );
}

function channelOffsets(
  offset: NonNullable<ReadOptions['offset']>,
  columns: readonly NumberColumn[],
): readonly (number | 'first')[] {
  if (typeof offset !== 'object' || offset.length === 1) return columns.map(() => [offset].flat()[0]!);
  if (offset.length === columns.length) return offset;
  throw new FirtrendError(
    'offsetCount',
    `offset: expected one number or ${columns.length}, one for each of ${text(columns)}, got ${offset.length}`,
  );
}

/** Columns with the text that makes each no number. */
const texts = (columns: readonly NumberColumn[]) =>
  columns.map((column) => [column.name, column.text()].filter(Boolean).join(': ')).join(', ') || 'none';

/** Said where cells seem not to have been told apart. */
function oneColumn(names: readonly string[]): string {
  return names.length === 1 && /[^\w.-]/.test(names[0]!)
    ? ` ("${names[0]}" is one column: a CSV has commas, semicolons or tabs between its cells)`
    : '';
}

const text = (columns: readonly NumberColumn[]) => columns.map(({ name }) => name).join(', ') || 'none';
