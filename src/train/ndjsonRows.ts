import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { FirtrendError } from '../dsp/error.ts';
import { fileError, fileSize } from './fileError.ts';
import type { TableReader } from './tableRows.ts';

/** A file that is one long line, such as a JSON array, would otherwise be read whole before it is refused. */
const longestLine = 2 ** 20;

/**
 * Streams an NDJSON file (UTF-8, one object a line, blank lines skipped) to `reader`. The columns are the keys of all
 * its objects in the order of their first appearance, so the file is read twice; a key that an object lacks and null
 * are empty cells. Numbers and strings are cells as in a CSV; what is nested is text.
 *
 * @returns SHA-256 of the file's bytes, hexadecimal
 * @throws FirtrendError `fileUnreadable`, `fileEmpty`, `ndjsonLine`, `ndjsonEncoding`; what `reader` throws
 */
export async function ndjsonRows(path: string, reader: TableReader): Promise<string> {
  const names = new Set<string>();
  await eachObject(
    path,
    (object) => {
      for (const name of Object.keys(object)) names.add(name);
    },
    (share) => reader.progress?.(share / 2),
  );
  if (names.size === 0) {
    throw new FirtrendError('fileEmpty', `${path}: expected one JSON object a line, got none with a key`);
  }
  const columns = [...names];
  reader.header(columns);
  return eachObject(
    path,
    (object, line) => {
      reader.row(
        columns.map((name) => (Object.hasOwn(object, name) ? cellText(object[name]) : '')),
        line,
      );
    },
    (share) => reader.progress?.((1 + share) / 2),
  );
}

type JsonObject = Readonly<Record<string, unknown>>;

async function eachObject(
  path: string,
  take: (object: JsonObject, line: number) => void,
  progress: (share: number) => void,
): Promise<string> {
  const hash = createHash('sha256');
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let line = 0;
  let rest = '';

  function takeLine(text: string): void {
    line++;
    if (text.trim() !== '') take(parsed(text, path, line), line);
  }
  function decoded(chunk?: Buffer): string {
    try {
      return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
    } catch (error) {
      throw new FirtrendError(
        'ndjsonEncoding',
        `${path}, after line ${line}: expected UTF-8, got other bytes`,
        {
          cause: error,
        },
      );
    }
  }

  const size = await fileSize(path);
  let read = 0;
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      const lines = (rest + decoded(chunk)).split('\n');
      rest = lines.pop()!;
      lines.forEach(takeLine);
      read += chunk.length;
      progress(read / size);
      if (rest.length > longestLine) {
        throw new FirtrendError(
          'ndjsonLine',
          `${path}, line ${line + 1}: expected one JSON object a line, got a line of more than ${longestLine} characters`,
        );
      }
    }
    rest += decoded();
    if (rest !== '') takeLine(rest);
  } catch (error) {
    throw fileError(error, path);
  }
  return hash.digest('hex');
}

function parsed(text: string, path: string, line: number): JsonObject {
  let value: unknown;
  let cause: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    cause = error;
  }
  if (isObject(value)) return value;
  const start = text.trim().slice(0, 40);
  const got = cause instanceof Error ? `${start} (${cause.message})` : start;
  throw new FirtrendError('ndjsonLine', `${path}, line ${line}: expected one JSON object, got ${got}`, {
    cause,
  });
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function cellText(value: unknown): string {
  if (value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value).trim();
}
