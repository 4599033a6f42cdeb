/** The values of a Parquet file as the cells of a CSV. */
import type { ParquetParsers, SchemaTree } from 'hyparquet';

/** Why no cell can hold the values of a column; undefined where it can. */
export function unreadable({ children, element }: SchemaTree): string | undefined {
  const { type, repetition_type, logical_type, converted_type } = element;
  if (children.length > 0 || repetition_type === 'REPEATED') return 'nested values';
  if (logical_type?.type === 'TIME' || converted_type?.startsWith('TIME_')) return 'times of day';
  const text = logical_type?.type === 'STRING' || logical_type?.type === 'ENUM' || converted_type === 'UTF8';
  const number = converted_type === 'DECIMAL' || logical_type?.type === 'FLOAT16';
  const bytes = type === 'BYTE_ARRAY' || type === 'FIXED_LEN_BYTE_ARRAY';
  return bytes && !text && !number ? 'bytes' : undefined;
}

/** Time stamps in ISO 8601 with every digit they have. */
export const stampParsers: Partial<ParquetParsers> = {
  timestampFromMilliseconds: (count) => isoTime(count, 3),
  timestampFromMicroseconds: (count) => isoTime(count, 6),
  timestampFromNanoseconds: (count) => isoTime(count, 9),
  dateFromDays: (days) => isoTime(BigInt(days) * 86_400n, 0),
};

/** @param count since 1970, in units of 10^-digits s */
function isoTime(count: bigint, digits: number): string {
  const perSecond = 10n ** BigInt(digits);
  const fraction = ((count % perSecond) + perSecond) % perSecond;
  const date = new Date(Number((count - fraction) / perSecond) * 1000);
  if (Number.isNaN(date.getTime())) return `${count} of 10^-${digits} s since 1970`;
  const decimals = digits === 0 ? '' : `.${String(fraction).padStart(digits, '0')}`;
  return date.toISOString().replace('.000Z', `${decimals}Z`);
}

/** One value as a cell; null is an empty one. */
export function cellText(value: unknown): string {
  return value === null || value === undefined ? '' : String(value).trim();
}
