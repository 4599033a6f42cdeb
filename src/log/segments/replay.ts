import type { Catalog, Segment } from './catalog.ts';
import { applyChange } from './change.ts';
import { decodeChange, type RawRecord, rawRecord } from './decode.ts';
import { flags } from './record.ts';
import type { ScanSink } from './scan.ts';

/**
 * Takes what a scan finds in a segment into the catalog, in order. In the last segment commits are taken whole or not at
 * all, and `segment.size` becomes the end of the last one:
 *
 * - One that lacks its end never happened.
 * - One with damaged bytes in it happened if any record follows, for the next commit begins when this one is on the disk;
 *   the very last one may have been torn by a loss of power, and then nobody was told of it.
 */
export function replay(catalog: Catalog, segment: Segment, isLast: boolean): ScanSink {
  let commit: RawRecord[] = [];
  let holes: [number, number][] = [];
  /** Whole but for its holes; waits for a record that follows. */
  let suspect: { records: RawRecord[]; holes: [number, number][] } | undefined;

  function take(records: readonly RawRecord[], among: readonly [number, number][]): void {
    segment.holes.push(...among);
    for (const raw of records) {
      const change = decodeChange(catalog, segment.number, raw);
      segment.size = raw.offset + raw.size;
      if (change === 'unreadable') segment.holes.push([raw.offset, segment.size]);
      else if (change !== 'repeated') applyChange(catalog, segment, change);
    }
  }

  return {
    record(found) {
      const raw = rawRecord(found);
      if (!isLast) {
        take([raw], []);
        return;
      }
      if (suspect) take(suspect.records, suspect.holes);
      suspect = undefined;
      commit.push(raw);
      if ((raw.flags & flags.end) === 0) return;
      if (holes.length > 0) suspect = { records: commit, holes };
      else take(commit, []);
      commit = [];
      holes = [];
    },
    hole(from, to) {
      if (isLast) holes.push([from, to]);
      else segment.holes.push([from, to]);
    },
  };
}
