/** Pages of WebAssembly, the unit in which memory is had. */
const pageCells = 2 ** 14;
/** What is kept between uses, all of it (float32 cells): 32 MiB. */
const keptCells = 8 * 2 ** 20;

interface WithWebAssembly {
  readonly WebAssembly?: {
    readonly Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  };
}

const kept: Float32Array<ArrayBuffer>[] = [];

/**
 * Float32 memory that begins where a processor's cache line begins: the runtime's vector loads would otherwise straddle
 * two lines each and take half as long again (measured, K = 257). An `ArrayBuffer` begins anywhere, the memory of
 * WebAssembly on a page of its own; where it cannot be had, an ordinary buffer does the same, more slowly.
 *
 * @returns `cells` or more (at most twice as many), all finite, with whatever earlier use left in them
 */
export function takeMemory(cells: number): Float32Array<ArrayBuffer> {
  const at = kept.findIndex(({ length }) => length >= cells && length <= 2 * Math.max(cells, pageCells));
  if (at >= 0) return kept.splice(at, 1)[0]!;
  const pages = Math.max(1, Math.ceil(cells / pageCells));
  const { WebAssembly } = globalThis as WithWebAssembly;
  try {
    if (WebAssembly)
      return new Float32Array(new WebAssembly.Memory({ initial: pages, maximum: pages }).buffer);
  } catch {
    // Out of address space: an ordinary buffer may still be had.
  }
  return new Float32Array(pages * pageCells);
}

/** Gives memory back for the next who needs some. Nobody may read or write it any more. */
export function giveBackMemory(memory: Float32Array<ArrayBuffer>): void {
  kept.push(memory);
  // The oldest go first: a size that nobody asks for again must not stay.
  let total = kept.reduce((sum, { length }) => sum + length, 0);
  while (total > keptCells) total -= kept.shift()!.length;
}
