import { guarantees } from '../../dsp/guarantees.ts';
import type { ChannelInfo, FilterRecord, UnfilteredRecord } from '../../log/sampleLog.ts';
import type { KernelInfo } from '../../wire/serverMessages.ts';
import type { TrendRecord } from '../ingest/trendMaker.ts';

/** What decides a kernel: where it came from and where it takes effect. */
export type KernelRecord = FilterRecord | UnfilteredRecord;

/** One epoch of a stream as subscribers may know it: only what is committed and released. */
export interface Topic {
  readonly name: string;
  readonly epoch: string;
  readonly channels: readonly ChannelInfo[];
  readonly rate: number;
  nextSeq: number;
  kernel: KernelRecord;
  readonly slots: Set<Slot>;
}

/** One end of a subscription: (subscription, stream, epoch). */
export interface Slot {
  readonly number: number;
  readonly topic: Topic;
  /** A released frame; they come in order and without holes but for `gap`. */
  offer(record: TrendRecord): void;
  /** From `record.seq` on another kernel makes the trends. */
  swap(record: KernelRecord): void;
  /** The next seq it will send, when it has sent nothing since the last call: for `alive`. */
  silentAt(): number | undefined;
  close(): void;
  /** What it still owes its subscriber of this epoch, if it is behind. */
  unsent(): { readonly fromSeq: number; readonly toSeq: number } | undefined;
}

/** Whether two records are one and the same change of kernel. */
export function sameKernel(a: KernelRecord, b: KernelRecord): boolean {
  if (a.seq !== b.seq) return false;
  if (a.type === 'unfiltered') return b.type === 'unfiltered' && a.reason === b.reason;
  return b.type === 'filter' && a.sha256 === b.sha256 && a.model === b.model && a.version === b.version;
}

export function kernelInfo(record: KernelRecord): KernelInfo {
  if (record.type === 'unfiltered') return { model: null, version: null, lag: null, reason: record.reason };
  const lags = record.kernels.map(
    ({ taps, bias }) => guarantees({ taps: Float64Array.from(taps), bias }).lag,
  );
  const lag = lags.reduce((a, b) => a + b, 0) / lags.length;
  return { model: record.model, version: record.version, lag };
}
