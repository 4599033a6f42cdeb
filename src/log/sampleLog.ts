import type { Frame } from '../dsp/frame.ts';

/** A stream's life begins: a new epoch, numbering from 0, and what never changes within it. */
export interface StreamRecord {
  readonly type: 'stream';
  readonly stream: string;
  /** Random 64-bit id, 16 hexadecimal digits. */
  readonly epoch: string;
  readonly channels: readonly ChannelInfo[];
  /** Samples per second, > 0. */
  readonly rate: number;
}

export interface ChannelInfo {
  readonly name: string;
  readonly unit?: string | undefined;
  /** What the producer took off every sample, so that float32 is fine enough; the true value is offset + sample. */
  readonly offset: number;
}

/** A frame as it was decided: duplicates cut off, seq and time fixed. Replay never decides again. */
export interface SamplesRecord extends Frame {
  readonly type: 'samples';
  readonly stream: string;
  /** Milliseconds since 1970 of the first row. */
  readonly time: number;
  /** Milliseconds between rows. */
  readonly period: number;
}

/** The kernel that makes the trends from `seq` on: the numbers themselves, so a deleted model file changes nothing. */
export interface FilterRecord {
  readonly type: 'filter';
  readonly stream: string;
  readonly seq: number;
  /** Taps newest first, one kernel for all channels or one for each. */
  readonly kernels: readonly { readonly taps: Float32Array; readonly bias: number }[];
  /** SHA-256 of taps and biases as little-endian float32, hexadecimal. */
  readonly sha256: string;
  readonly model: string;
  readonly version: number;
  readonly minCoverage: number;
  readonly fingerprint: string;
}

/** From `seq` on the stream has no kernel: raw samples only, for the reason given. */
export interface UnfilteredRecord {
  readonly type: 'unfiltered';
  readonly stream: string;
  readonly seq: number;
  readonly reason: string;
}

/** The stream is no more: all that is held of it goes, and its name may begin anew. */
interface DeletedRecord {
  readonly type: 'deleted';
  readonly stream: string;
}

/** Under the durability `normal`, how long after its write a record is on the disk at the latest (ms). */
export const syncWithin = 100;

export type LogRecord = StreamRecord | SamplesRecord | FilterRecord | UnfilteredRecord | DeletedRecord;

/** Told by `read` alone: what the log held of the seqs `[seq, toSeq)` cannot be read any more. */
export interface DamagedRecord {
  readonly type: 'damaged';
  readonly stream: string;
  readonly seq: number;
  readonly toSeq: number;
}

/** What the log knows of a stream: enough to resume it. */
export interface StreamHead {
  readonly epoch: string;
  readonly channels: readonly ChannelInfo[];
  readonly rate: number;
  /** The first seq not yet held. */
  readonly nextSeq: number;
  /** From here on nothing was removed: 0, or where the last trim ended. */
  readonly oldestSeq: number;
  /** Time of the newest row held (ms since 1970), undefined when none is. */
  readonly newestTime: number | undefined;
  /** What the newest samples are filtered with. */
  readonly filter: FilterRecord | UnfilteredRecord | undefined;
  /**
   * Whether the log can prove that it holds all of the stream that was ever acknowledged. Where it cannot, the stream
   * goes on in a new epoch only.
   */
  readonly proven: boolean;
}

/** How far the log reached after a commit; it only grows. */
type Position = number;

export interface TrimRule {
  /** How many bytes the log may hold before its oldest records go: in memory those of the samples, else on disk. */
  readonly maxBytes: number;
  /** How long a record is kept (ms of server time) where the log outlives its process; without it, for ever. */
  readonly maxAge?: number;
  /** How many of its newest samples every stream keeps all the same, however old. */
  readonly keepSamples: number;
}

/**
 * The one durable thing: an append-only log of raw frames and of every decision that shapes a trend. Windows, trends
 * and history are derived from it. One owner at a time: opening takes ownership or is refused.
 */
export interface SampleLog {
  /** What surviving a commit means, as `welcome` tells it. */
  readonly durability: 'memory' | 'normal' | 'full';
  /** What it holds: in memory the bytes of the samples, else those on disk. */
  readonly bytes: number;
  /**
   * Appends all records of the batch or none. One call in flight: the caller gathers meanwhile. Resolves once they
   * hold to the promise of `durability`. Rejects with `logBusy` when called during another commit, with `logOrder` for
   * a record that does not follow on from what is held, with `logClosed` after `close`, with `logBroken` when the
   * storage failed: then nothing can be committed any more. While the storage is full it waits, and tries again.
   */
  commit(batch: readonly LogRecord[]): Promise<Position>;
  /**
   * Committed records of the stream's present epoch for seqs `[fromSeq, toSeq)`, in order: first the filter in force
   * at `fromSeq`, if any, then samples cut to the range, and filters where they take effect. Seqs not held are absent;
   * those lost by damage are told in their place.
   */
  read(
    stream: string,
    fromSeq: number,
    toSeq: number,
  ): AsyncIterable<SamplesRecord | FilterRecord | UnfilteredRecord | DamagedRecord>;
  head(stream: string): StreamHead | undefined;
  streams(): readonly string[];
  trim(rule: TrimRule): Promise<void>;
  /** Gives up ownership; what was committed stays as `durability` says. */
  close(): Promise<void>;
}
