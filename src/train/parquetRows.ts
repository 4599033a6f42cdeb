import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { AsyncBuffer, FileMetaData } from 'hyparquet';
import { FirtrendError } from '../dsp/error.ts';
import { fileError } from './fileError.ts';
import { boundedSnappy, mustFitFile } from './parquetBounds.ts';
import { cellText, stampParsers, unreadable } from './parquetCells.ts';
import type { TableReader } from './tableRows.ts';

/** What hyparquet reads without another package. */
const codecs: readonly string[] = ['UNCOMPRESSED', 'SNAPPY'];

/**
 * Streams a Parquet file (not compressed, or with Snappy) to `reader`, a row group at a time. Time stamps and dates are
 * cells in ISO 8601 (UTC where they have no zone), numbers and text as in a CSV, null is an empty cell; columns that
 * no cell can hold (nested ones, bytes, times of day) are text and so left out unless they are asked for.
 *
 * @returns SHA-256 of the file's bytes, hexadecimal
 * @throws FirtrendError `fileUnreadable`, `parquetMissing` where hyparquet is not installed, `parquetUnreadable`,
 *   `parquetCodec`; what `reader` throws
 */
export async function parquetRows(path: string, reader: TableReader): Promise<string> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetScan, parquetSchema, snappyUncompress } =
    await importHyparquet(path);
  const compressors = { SNAPPY: boundedSnappy(snappyUncompress) };
  try {
    const sha256 = await digest(path);
    const file: AsyncBuffer = await asyncBufferFromFile(path);
    const metadata = await decoding(path, () => parquetMetadataAsync(file));
    const schema = await decoding(path, async () => parquetSchema(metadata));
    const columns = schema.children.map((column) => ({
      name: column.element.name,
      why: unreadable(column),
    }));
    reader.header(columns.map(({ name }) => name));
    const readable = columns.filter(({ why }) => why === undefined).map(({ name }) => name);
    await decoding(path, async () => mustFitFile(metadata, file.byteLength, readable));
    mustDecompress(path, metadata, readable);
    const scan = await decoding(path, () =>
      parquetScan({ file, metadata, columns: readable, parsers: stampParsers, compressors }),
    );
    for (const { rowStart, rowEnd } of scan.ranges) {
      const cells = await Promise.all(
        columns.map(({ name, why }) =>
          why === undefined
            ? decoding(path, () => scan.readColumn({ column: name, rowStart, rowEnd }))
            : new Array<string>(rowEnd - rowStart).fill(`(${why})`),
        ),
      );
      for (let row = rowStart; row < rowEnd; row++) {
        reader.row(
          cells.map((column) => cellText(column[row - rowStart])),
          row + 1,
        );
      }
      reader.progress?.(rowEnd / Number(metadata.num_rows));
    }
    return sha256;
  } catch (error) {
    throw fileError(error, path);
  }
}

async function importHyparquet(path: string): Promise<typeof import('hyparquet')> {
  try {
    return await import('hyparquet');
  } catch (error) {
    throw new FirtrendError(
      'parquetMissing',
      `${path}: reading Parquet needs hyparquet, which is not installed: install firtrend without --omit=optional (in a checkout: node scripts/setup.mjs)`,
      { cause: error },
    );
  }
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** What hyparquet says of a damaged file, with the file's name. */
async function decoding<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error) || 'syscall' in error) throw error;
    throw new FirtrendError('parquetUnreadable', `${path}: expected a Parquet file: ${error.message}`, {
      cause: error,
    });
  }
}

function mustDecompress(path: string, { row_groups }: FileMetaData, names: readonly string[]): void {
  for (const { columns } of row_groups) {
    for (const { meta_data } of columns) {
      // A damaged footer may lack any of it, whatever the types say.
      const name = meta_data?.path_in_schema?.[0];
      if (meta_data === undefined || name === undefined || !names.includes(name)) continue;
      if (codecs.includes(meta_data.codec)) continue;
      throw new FirtrendError(
        'parquetCodec',
        `${path}, column "${name}": expected no compression or SNAPPY, got ${meta_data.codec}; write the file anew ` +
          "(pyarrow, pandas: compression='snappy')",
      );
    }
  }
}
