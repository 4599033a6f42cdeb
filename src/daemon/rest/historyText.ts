import { float32Text } from '../../wire/float32Text.ts';
import { trendFields } from '../../wire/jsonServerCodec.ts';
import type { TrendRows } from '../../wire/serverMessages.ts';
import type { HistoryEntry, PastStream } from './historyEntries.ts';

/** One JSON document, an entry a line. */
export async function* historyJson(
  { name, epoch, rate }: PastStream,
  channels: PastStream['channels'],
  range: { readonly fromSeq: number; readonly toSeq: number },
  entries: AsyncIterable<HistoryEntry>,
): AsyncGenerator<string> {
  yield `${JSON.stringify({ name, epoch, channels, rate, ...range }).slice(0, -1)},"entries":[`;
  let separator = '\n';
  for await (const entry of entries) {
    yield separator + entryJson(entry);
    separator = ',\n';
  }
  yield '\n]}\n';
}

function entryJson(entry: HistoryEntry): string {
  switch (entry.type) {
    case 'kernel':
    case 'gap':
      return JSON.stringify(entry);
    case 'trend':
      return `{"type":"trend"${trendFields(entry.rows)}}`;
  }
}

type Plane = 'trend' | 'raw' | 'coverage';

/**
 * A recording that `firtrend train` reads: a line a sample, the time in ISO 8601 to the microsecond, then a column for
 * each channel and field, missing values empty. Samples that never came have no line. There is no column of seqs, for
 * every column of numbers but the time is a channel to whoever reads recordings.
 */
export async function* historyCsv(
  channels: PastStream['channels'],
  fields: readonly Plane[],
  entries: AsyncIterable<HistoryEntry>,
): AsyncGenerator<string> {
  const columns = fields.flatMap((field) =>
    channels.map(({ name }) => quoted(field === fields[0] ? name : `${name}.${field}`)),
  );
  yield `time,${columns.join(',')}\n`;
  for await (const entry of entries) {
    if (entry.type === 'trend') yield rowsCsv(entry.rows, channels.length, fields);
  }
}

function rowsCsv(frame: TrendRows, channels: number, fields: readonly Plane[]): string {
  const { rows, time, period, times } = frame;
  let text = '';
  for (let row = 0; row < rows; row++) {
    text += `${isoTime(times ? times[row]! : time + row * period)}`;
    for (const field of fields) {
      const plane = frame[field];
      for (let c = 0; c < channels; c++) {
        const value = plane?.[c * rows + row];
        // A coverage plane that is absent is all ones, where there is a trend at all.
        const absent = field === 'coverage' && frame.trend ? '1' : '';
        text += `,${value === undefined ? absent : Number.isNaN(value) ? '' : float32Text(value)}`;
      }
    }
    text += '\n';
  }
  return text;
}

/** ISO 8601 with microseconds, for 64 Hz has periods of 15.625 ms; the number where a date cannot hold it. */
function isoTime(ms: number): string {
  const whole = Math.floor(ms);
  if (Math.abs(whole) > 8.64e15) return String(ms);
  const micros = Math.min(999, Math.round((ms - whole) * 1000));
  return new Date(whole).toISOString().replace('Z', `${String(micros).padStart(3, '0')}Z`);
}

function quoted(name: string): string {
  return /[",]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}
