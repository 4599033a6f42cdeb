/** What a Parquet file says of its lengths is believed only as far as its size allows: they become allocations. */
import type { FileMetaData } from 'hyparquet';

/** No recording is as dense: equal steps of time alone, delta-packed, are 25 rows a byte, and channels come on top. */
const rowsPerByte = 100;

/** A copy of 64 bytes takes Snappy 3 (its format description, 2011), so that it never unpacks to more than 22 times. */
const snappyRatio = 22;

/**
 * @param bytes of the file
 * @param columns that will be read, none of them nested
 * @throws Error naming the length, what was expected and what came
 */
export function mustFitFile(
  { num_rows, row_groups }: FileMetaData,
  bytes: number,
  columns: readonly string[],
): void {
  let rows = 0n;
  row_groups.forEach((group, g) => {
    const where = `row group ${g + 1}`;
    if (!(group.num_rows >= 0n && group.num_rows <= BigInt(bytes * rowsPerByte))) {
      throw new Error(
        `${where}: expected at most ${bytes * rowsPerByte} rows in a file of ${bytes} bytes, got ${group.num_rows}`,
      );
    }
    rows += group.num_rows;
    for (const { meta_data } of group.columns) {
      // A damaged footer may lack any of it, whatever the types say.
      const name = meta_data?.path_in_schema?.[0];
      if (meta_data === undefined || name === undefined || !columns.includes(name)) continue;
      const start = meta_data.dictionary_page_offset || meta_data.data_page_offset;
      const size = meta_data.total_compressed_size;
      if (!(start >= 0n && size >= 0n && start + size <= BigInt(bytes))) {
        throw new Error(
          `${where}, column "${name}": expected bytes within the ${bytes} of the file, got ${size} from ${start} on`,
        );
      }
      if (meta_data.num_values !== group.num_rows) {
        throw new Error(
          `${where}, column "${name}": expected ${group.num_rows} values, one a row, got ${meta_data.num_values}`,
        );
      }
    }
  });
  if (rows !== num_rows) throw new Error(`expected ${num_rows} rows in all, got ${rows} in the row groups`);
}

/** Snappy that allocates no more than its input can unpack to. @throws Error where a page says it is more */
export function boundedSnappy(
  unpack: (input: Uint8Array, output: Uint8Array) => void,
): (input: Uint8Array, length: number) => Uint8Array {
  return (input, length) => {
    if (!(length >= 0 && length <= snappyRatio * input.length)) {
      throw new Error(
        `page: expected at most ${snappyRatio * input.length} bytes from ${input.length} packed by Snappy, got ${length}`,
      );
    }
    const output = new Uint8Array(length);
    unpack(input, output);
    return output;
  };
}
