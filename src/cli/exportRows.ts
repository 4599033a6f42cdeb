import type { ChannelInfo } from '../log/sampleLog.ts';
import type { SegmentReader } from '../log/segmentReader.ts';
import type { RecordingRows } from '../train/writeParquet.ts';
import { float32Text } from '../wire/float32Text.ts';

export interface ExportRange {
  readonly stream: string;
  readonly fromSeq: number;
  readonly toSeq: number;
  /** Times as they were logged, not by seq. */
  readonly loggedTimes: boolean;
  /** Called for seqs that damage has taken. */
  readonly onDamaged: (fromSeq: number, toSeq: number) => void;
}

const rowsAtOnce = 65_536;

/**
 * The samples of a stream as rows of a recording: true values (offset + sample), missing ones NaN, seqs not held left
 * out. Times are those of the first row and the stream's rate, so that the recording has the log's own numbering:
 * what the samples were stamped with may be late by more than a period.
 */
export async function* exportRows(log: SegmentReader, range: ExportRange): AsyncGenerator<RecordingRows> {
  const { channels, rate } = log.head(range.stream)!;
  let times: number[] = [];
  let columns: number[][] = channels.map(() => []);
  let zero: number | undefined;
  for await (const record of log.read(range.stream, range.fromSeq, range.toSeq)) {
    if (record.type === 'damaged') range.onDamaged(record.seq, record.toSeq);
    if (record.type !== 'samples') continue;
    const { seq, rows, planes, time, period } = record;
    zero ??= time - (seq * 1000) / rate;
    for (let row = 0; row < rows; row++) {
      times.push(range.loggedTimes ? time + row * period : zero + ((seq + row) * 1000) / rate);
    }
    for (const [c, { offset }] of channels.entries()) {
      for (let row = 0; row < rows; row++) columns[c]!.push(offset + planes[c * rows + row]!);
    }
    if (times.length < rowsAtOnce) continue;
    yield { times, columns };
    times = [];
    columns = channels.map(() => []);
  }
  if (times.length > 0) yield { times, columns };
}

/** The rows as lines of a CSV file, header first: ISO 8601 to the microsecond, numbers in their shortest decimal. */
export async function* csvLines(
  channels: readonly ChannelInfo[],
  pieces: AsyncIterable<RecordingRows>,
): AsyncGenerator<string> {
  yield ['time', ...channels.map(({ name }) => quoted(name))].join();
  const text = channels.map(({ offset }) => (offset === 0 ? float32Text : String));
  for await (const { times, columns } of pieces) {
    for (const [row, ms] of times.entries()) {
      const cells = columns.map((column, c) => (Number.isNaN(column[row]!) ? '' : text[c]!(column[row]!)));
      yield `${isoTime(ms)},${cells.join()}`;
    }
  }
}

function isoTime(ms: number): string {
  const micros = Math.round(ms * 1000);
  const whole = Math.floor(micros / 1000);
  const rest = String(micros - whole * 1000).padStart(3, '0');
  return new Date(whole).toISOString().replace('Z', `${rest}Z`);
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
