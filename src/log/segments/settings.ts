import type { FilterRecord, UnfilteredRecord } from '../sampleLog.ts';
import { byteReader, takeF64, takeFloats, takeJson } from './byteReader.ts';
import { type ByteWriter, putF64, putFloats, putJson } from './byteWriter.ts';

/** What a `filter` or `unfiltered` record says, whichever stream and seq it is for. */
export type Settings = Omit<FilterRecord, 'stream' | 'seq'> | Omit<UnfilteredRecord, 'stream' | 'seq'>;

interface Described {
  readonly filter?: {
    readonly sha256: string;
    readonly model: string;
    readonly version: number;
    readonly minCoverage: number;
    readonly fingerprint: string;
    /** Taps of each kernel. */
    readonly taps: readonly number[];
  };
  readonly unfiltered?: string;
}

/** In JSON what is text, then for each kernel its bias (f64) and its taps (f32, newest first). */
export function putSettings(writer: ByteWriter, settings: Settings): void {
  if (settings.type === 'unfiltered') {
    putJson(writer, { unfiltered: settings.reason });
    return;
  }
  const { sha256, model, version, minCoverage, fingerprint, kernels } = settings;
  const taps = kernels.map((kernel) => kernel.taps.length);
  putJson(writer, { filter: { sha256, model, version, minCoverage, fingerprint, taps } });
  for (const kernel of kernels) {
    putF64(writer, kernel.bias);
    putFloats(writer, kernel.taps);
  }
}

export function takeSettings(payload: Buffer): Settings {
  const reader = byteReader(payload);
  const { filter, unfiltered } = takeJson(reader) as Described;
  if (filter === undefined) return { type: 'unfiltered', reason: unfiltered ?? '' };
  const { taps, ...rest } = filter;
  const kernels = taps.map((count) => ({ bias: takeF64(reader), taps: takeFloats(reader, count) }));
  return { type: 'filter', ...rest, kernels };
}

export function sameSettings(a: Settings, b: Settings): boolean {
  if (a === b) return true;
  if (a.type === 'unfiltered' || b.type === 'unfiltered') {
    return a.type === 'unfiltered' && b.type === 'unfiltered' && a.reason === b.reason;
  }
  return (
    a.sha256 === b.sha256 &&
    a.model === b.model &&
    a.version === b.version &&
    a.minCoverage === b.minCoverage &&
    a.fingerprint === b.fingerprint &&
    sameKernels(a.kernels, b.kernels)
  );
}

function sameKernels(a: FilterRecord['kernels'], b: FilterRecord['kernels']): boolean {
  if (a === b) return true;
  return (
    a.length === b.length &&
    a.every(({ taps, bias }, k) => {
      const other = b[k]!;
      return (
        Object.is(bias, other.bias) &&
        taps.length === other.taps.length &&
        taps.every((tap, j) => Object.is(tap, other.taps[j]))
      );
    })
  );
}
