import { createHash } from 'node:crypto';
import type { Guarantees } from '../dsp/guarantees.ts';
import { unitTolerance, worstGuarantees } from '../dsp/guarantees.ts';
import type { Kernel } from '../dsp/kernel.ts';
import { maxTaps, sum } from '../dsp/kernel.ts';
import { float32Bytes } from './float32Bytes.ts';
import { type Metadata, maxChannels } from './metadata.ts';
import { must } from './must.ts';

/** Learned kernels that can be served: what a model file holds. Make it with {@link trendModel}. */
export interface TrendModel {
  /** One shared by all channels, or one per channel; taps (newest first) and bias are float32 numbers. */
  readonly kernels: readonly Kernel[];
  /** The channels it serves, or null for any (shared taps, no bias). */
  readonly channels: readonly string[] | null;
  /** The sample rate it was trained at (Hz); null serves any. */
  readonly rate: number | null;
  /** Recomputed from the weights; of several kernels the worst, and every loss. */
  readonly guarantees: Guarantees;
  readonly metadata: Metadata;
  /** SHA-256, hexadecimal, over each kernel's taps (newest first) and then its bias, as little-endian float32. */
  readonly sha256: string;
}

/** A tap below this is refused: squares and products of it would leave the normal float32 numbers. */
const smallestTap = 2 ** -60;

/**
 * A model of these kernels, rounded to float32, with what follows from them.
 *
 * @throws FirtrendError `modelRefused` unless there is one kernel or one for each channel, all of the same length K in
 *   1 … 513, taps ≥ 2^-60 with |Σ - 1| ≤ 2^-20 (summed in float64), biases finite, and the channels named where there is
 *   a bias or more than one kernel
 */
export function trendModel(parts: {
  readonly kernels: readonly Kernel[];
  readonly channels?: readonly string[] | null | undefined;
  readonly rate?: number | null | undefined;
  readonly metadata?: Metadata | undefined;
}): TrendModel {
  const { channels = null, rate = null, metadata = {} } = parts;
  const kernels = parts.kernels.map(rounded);
  const taps = kernels[0]?.taps.length ?? 0;
  const some = `1 to ${maxChannels}`;
  must(kernels.length >= 1 && kernels.length <= maxChannels, 'kernels', some, kernels.length);
  must(taps >= 1 && taps <= maxTaps, 'taps', `1 to ${maxTaps}`, taps);
  must(rate === null || (rate > 0 && Number.isFinite(rate)), 'rate', 'a positive number of Hz', rate);
  for (const [i, kernel] of kernels.entries()) checkKernel(kernel, taps, label(channels, i, kernels.length));
  const named = channels !== null;
  must(named || kernels.length === 1, 'channels', `the names of ${kernels.length} channels`, channels);
  must(named || kernels[0]!.bias === 0, 'channels', 'names, because there is a bias', channels);
  if (named) {
    const fits = channels.length >= 1 && (kernels.length === 1 || kernels.length === channels.length);
    must(fits, 'channels', `${kernels.length} names`, channels.length);
  }
  return {
    kernels,
    channels,
    rate,
    guarantees: worstGuarantees(kernels, channels),
    metadata,
    sha256: kernelsSha256(kernels),
  };
}

function kernelsSha256(kernels: readonly Kernel[]): string {
  const hash = createHash('sha256');
  for (const { taps, bias } of kernels) hash.update(float32Bytes(taps)).update(float32Bytes([bias]));
  return hash.digest('hex');
}

function rounded({ taps, bias }: Kernel): Kernel {
  // + 0 turns -0 into 0: no bias is one value.
  return { taps: Float64Array.from(taps, Math.fround), bias: Math.fround(bias) + 0 };
}

function label(channels: readonly string[] | null, i: number, count: number): string {
  return count === 1 ? '' : ` of channel ${channels?.[i] ?? i}`;
}

function checkKernel({ taps, bias }: Kernel, length: number, of: string): void {
  must(taps.length === length, `taps${of}`, `${length}, as in the first kernel`, taps.length);
  const bad = taps.findIndex((w) => !(w >= smallestTap && w < Infinity));
  must(bad < 0, `tap ${bad}${of}`, 'a finite number of at least 2^-60', taps[bad]);
  const total = sum(taps);
  must(Math.abs(total - 1) <= unitTolerance, `sum of taps${of}`, '1 to within 2^-20', total);
  must(Number.isFinite(bias), `bias${of}`, 'a finite number', bias);
}
