import type { TrendFilter } from '../filter/trendFilter.ts';
import type { Recording } from '../train/recording.ts';
import { float32Text } from '../wire/float32Text.ts';
import { batchTrends } from './batchTrends.ts';

/** The lines of a CSV file with the recording's rows and columns and, in place of samples, trends. */
export async function* trendsCsv(
  recording: Recording,
  filter: TrendFilter,
  coverage: boolean,
): AsyncGenerator<string> {
  const { channels, offsets, clock } = recording;
  const header = [
    ...(clock ? [clock.name] : []),
    ...channels,
    ...(coverage ? channels.map((name) => `${name}_coverage`) : []),
  ];
  yield header.map(quoted).join();
  let fileRow = 0;
  for await (const { rows, trend, coverage: covered } of batchTrends(recording, filter)) {
    for (let row = 0; row < rows; row++, fileRow++) {
      const cells = clock ? [quoted(clock.cells[fileRow]!)] : [];
      for (let c = 0; c < channels.length; c++) cells.push(cell(trend[c * rows + row]!, offsets[c]));
      if (coverage) {
        for (let c = 0; c < channels.length; c++) cells.push(cell(covered?.[c * rows + row] ?? 1));
      }
      yield cells.join();
    }
  }
}

/** The shortest decimal that reads back to the same float32; missing is empty. An offset is put back in float64. */
function cell(value: number, offset = 0): string {
  if (Number.isNaN(value)) return '';
  return offset === 0 ? float32Text(value) : String(offset + value);
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
