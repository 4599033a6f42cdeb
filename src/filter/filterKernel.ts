import { FirtrendError } from '../dsp/error.ts';
import { maxTaps } from '../dsp/kernel.ts';

/** A kernel as the model file holds it. */
export interface FilterKernel {
  /** Newest first, float32. */
  readonly taps: Float32Array;
  /** Added outside the weighted mean, in the channel's unit. */
  readonly bias: number;
}

/**
 * The number of taps K that all kernels share.
 *
 * @throws FirtrendError `filterKernel` for kernels that cannot be served together or hold what is not finite
 */
export function checkedTaps(kernels: readonly FilterKernel[], perChannel: boolean): number {
  const taps = kernels[0]?.taps.length ?? 0;
  const refuse = (expected: string, got: string): never => {
    throw new FirtrendError('filterKernel', `kernels: expected ${expected}, got ${got}`);
  };
  if (taps < 1 || taps > maxTaps) refuse(`1 … ${maxTaps} taps`, String(taps));
  if (!perChannel && kernels.length > 1) refuse('one shared kernel', String(kernels.length));
  for (const kernel of kernels) {
    if (kernel.taps.length !== taps) refuse(`${taps} taps in each`, String(kernel.taps.length));
    if (!kernel.taps.every(Number.isFinite)) refuse('finite taps', kernel.taps.join(', '));
    if (!Number.isFinite(Math.fround(kernel.bias))) refuse('a finite bias', String(kernel.bias));
  }
  return taps;
}
