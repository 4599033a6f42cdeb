import { guarantees } from '../../dsp/guarantees.ts';
import type { ChannelInfo, FilterRecord, UnfilteredRecord } from '../../log/sampleLog.ts';
import type { KernelInfo } from '../../wire/serverMessages.ts';
import type { ViewGroup } from './viewGroup.ts';

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
  /** Its slots by what they see, so that each view is made once. */
  readonly groups: Map<string, ViewGroup>;
  /** When the last samples were released, on the monotonic clock (ms). */
  heardAt: number;
  /** How much time the last frame covered (ms): what comes in frames of ten seconds is not silent after five. */
  frameSpan: number;
  /** Whether its silence has been told. */
  stale: boolean;
}

/** Whether two records are one and the same change of kernel. */
export function sameKernel(a: KernelRecord, b: KernelRecord): boolean {
  if (a.seq !== b.seq) return false;
  if (a.type === 'unfiltered') return b.type === 'unfiltered' && a.reason === b.reason;
  return b.type === 'filter' && a.sha256 === b.sha256 && a.model === b.model && a.version === b.version;
}

/** By the kernels themselves, which streams share: ten thousand streams of one model cost one computation. */
const lags = new WeakMap<FilterRecord['kernels'], number>();

export function kernelInfo(record: KernelRecord): KernelInfo {
  if (record.type === 'unfiltered') return { model: null, version: null, lag: null, reason: record.reason };
  const { kernels, model, version } = record;
  const lag = lags.get(kernels) ?? meanLag(kernels);
  lags.set(kernels, lag);
  return { model, version, lag };
}

function meanLag(kernels: FilterRecord['kernels']): number {
  const each = kernels.map(({ taps, bias }) => guarantees({ taps: Float64Array.from(taps), bias }).lag);
  return each.reduce((a, b) => a + b, 0) / each.length;
}
