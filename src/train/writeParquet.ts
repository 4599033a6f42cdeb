import { rename, rm } from 'node:fs/promises';
import { FirtrendError } from '../dsp/error.ts';

/** Some rows of a recording. */
export interface RecordingRows {
  /** Milliseconds since 1970. */
  readonly times: readonly number[];
  /** A channel each; NaN is missing. */
  readonly columns: readonly (readonly number[])[];
}

/**
 * Writes a recording as Parquet (Snappy), a row group for each piece: column `time` (microseconds, UTC), then the
 * channels as FLOAT, or as DOUBLE where `double` says so. The file appears whole or not at all.
 *
 * @returns how many rows were written
 * @throws FirtrendError `parquetMissing`; the system's errors
 */
export async function writeParquet(
  path: string,
  channels: readonly { readonly name: string; readonly double: boolean }[],
  pieces: AsyncIterable<RecordingRows>,
): Promise<number> {
  const { ParquetWriter, fileWriter } = await importWriter();
  const temporary = `${path}.${process.pid}.tmp`;
  let rows = 0;
  try {
    const writer = new ParquetWriter({
      writer: fileWriter(temporary),
      schema: [
        { name: 'root', num_children: channels.length + 1 },
        { name: 'time', type: 'INT64', converted_type: 'TIMESTAMP_MICROS', repetition_type: 'REQUIRED' },
        ...channels.map(({ name, double }) => ({
          name,
          type: double ? ('DOUBLE' as const) : ('FLOAT' as const),
          repetition_type: 'OPTIONAL' as const,
        })),
      ],
      createdBy: 'firtrend',
    });
    for await (const { times, columns } of pieces) {
      rows += times.length;
      await writer.write({
        rowGroupSize: times.length,
        columnData: [
          { name: 'time', data: times.map((ms) => BigInt(Math.round(ms * 1000))) },
          ...channels.map(({ name }, c) => ({
            name,
            data: columns[c]!.map((value) => (Number.isNaN(value) ? null : value)),
          })),
        ],
      });
    }
    await writer.finish();
    await rename(temporary, path);
    return rows;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function importWriter() {
  try {
    return await import('hyparquet-writer');
  } catch (cause) {
    throw new FirtrendError('parquetMissing', 'Parquet needs the optional package hyparquet-writer', {
      cause,
    });
  }
}
