import { stat } from 'node:fs/promises';
import { logError } from './logError.ts';
import type { SampleLog } from './sampleLog.ts';
import type { Catalog, Run } from './segments/catalog.ts';
import { headOf } from './segments/head.ts';
import { load, scanSegment } from './segments/load.ts';
import { readStream } from './segments/readStream.ts';
import { type SegmentFiles, segmentFiles } from './segments/segmentFiles.ts';

/** What the log held when it was opened for reading, which needs no ownership: a writer may be at work. */
export interface SegmentReader extends Pick<SampleLog, 'read' | 'head' | 'streams' | 'close'> {
  readonly segments: readonly SegmentSummary[];
  /** The last that wrote it, and whether it has closed in order. */
  readonly writer: (Run & { readonly closed: boolean }) | undefined;
  /** Bytes of a commit that was under way, or cut short. */
  readonly unfinished: number;
  check(): Promise<LogCheck>;
}

interface SegmentSummary {
  readonly number: number;
  readonly bytes: number;
  readonly records: number;
  /** Server time of its beginning (ms since 1970). */
  readonly created: number | undefined;
}

/** What a walk over every byte has found. */
interface LogCheck {
  /** Ranges of bytes `[from, to)` that hold no good record. */
  readonly damaged: readonly { readonly segment: number; readonly from: number; readonly to: number }[];
  /** What that costs: seqs `[fromSeq, toSeq)` that cannot be read. */
  readonly lost: readonly { readonly stream: string; readonly fromSeq: number; readonly toSeq: number }[];
  readonly samples: number;
}

/** @throws FirtrendError `logFormat` where there is no log */
export async function readSegments(folder: string): Promise<SegmentReader> {
  const found = await stat(folder).catch((cause: NodeJS.ErrnoException) => {
    throw logError('logFormat', `${folder}: expected the folder of a log, got ${cause.code}`, { cause });
  });
  if (!found.isDirectory())
    throw logError('logFormat', `${folder}: expected the folder of a log, got a file`);
  const files = segmentFiles(folder);
  const { catalog, open, openBytes } = await load(folder, files);
  const { run, stopped } = catalog;
  const unfinished = open ? openBytes - open.size : 0;
  return {
    segments: [...catalog.segments.values()].map(({ number, size, records, created }) => ({
      number,
      bytes: size,
      records,
      created,
    })),
    writer: run && { ...run, closed: stopped },
    unfinished,
    streams: () => [...catalog.byName.keys()],
    head: (name) => headOf(catalog, catalog.byName.get(name)),
    async *read(name, fromSeq, toSeq) {
      const stream = catalog.byName.get(name);
      if (stream && fromSeq < toSeq) yield* readStream(catalog, files, stream, fromSeq, toSeq);
    },
    check: () => check(catalog, files),
    close: () => files.close(),
  };
}

async function check(catalog: Catalog, files: SegmentFiles): Promise<LogCheck> {
  const damaged: { segment: number; from: number; to: number }[] = [];
  for (const segment of catalog.segments.values()) {
    const known = new Map(segment.holes);
    await scanSegment(segment, files, segment.size, {
      record() {},
      hole: (from, to) => void known.set(from, to),
    });
    if (segment.removed) continue;
    for (const [from, to] of known) damaged.push({ segment: segment.number, from, to });
  }
  const lost: { stream: string; fromSeq: number; toSeq: number }[] = [];
  let samples = 0;
  for (const stream of catalog.byName.values()) {
    const name = stream.begin.stream;
    for await (const record of readStream(catalog, files, stream, 0, Number.MAX_SAFE_INTEGER)) {
      if (record.type === 'samples') samples += record.planes.length;
      if (record.type === 'damaged') lost.push({ stream: name, fromSeq: record.seq, toSeq: record.toSeq });
    }
  }
  return { damaged, lost, samples };
}
