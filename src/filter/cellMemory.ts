import { interleaveModule } from './interleaveModule.ts';

/** Pages of WebAssembly, the unit in which memory is had. */
const pageCells = 2 ** 14;
/** What is kept between uses, all of it (float32 cells): 32 MiB. */
const keptCells = 8 * 2 ** 20;
/** Room at the end of a memory for planes on their way to rows: 1,024 channels × 16 rows. */
const scratchCells = pageCells;

/** Float32 memory for a grid. */
export interface CellMemory {
  readonly cells: Float32Array<ArrayBuffer>;
  /**
   * `interleave` of rows.ts within `cells` in vector instructions, for widths of 4 and more; its source lies in
   * `scratch`. Undefined where there is no WebAssembly.
   */
  readonly interleave: Interleave | undefined;
  /** Where the scratch of `scratchSize` cells begins. */
  readonly scratch: number;
  readonly scratchSize: number;
}

type Interleave = (
  width: number,
  count: number,
  /** All in bytes. */
  source: number,
  planeStride: number,
  target: number,
  stride: number,
) => number;

/** As much of WebAssembly as is needed: the types of Node 20 have none. */
interface WithWebAssembly {
  readonly WebAssembly?: {
    readonly Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (
      module: object,
      imports: { grid: { memory: object } },
    ) => { readonly exports: { readonly interleave: Interleave } };
  };
}

let module: object | undefined;
const kept: CellMemory[] = [];

/**
 * Memory that begins where a cache line of the processor begins: the runtime's vector loads would otherwise straddle two
 * lines each and take half as long again (measured, K = 257). An `ArrayBuffer` begins anywhere, the memory of
 * WebAssembly on a page of its own; where it cannot be had, an ordinary buffer does the same, more slowly.
 *
 * @returns `cells` or more before its scratch (at most twice as many), all finite, with whatever earlier use left there
 */
export function takeMemory(cells: number): CellMemory {
  const at = kept.findIndex(({ scratch }) => scratch >= cells && scratch <= 2 * Math.max(cells, pageCells));
  if (at >= 0) return kept.splice(at, 1)[0]!;
  const size = Math.max(1, Math.ceil(cells / pageCells)) * pageCells;
  return (
    withWebAssembly(size) ?? {
      cells: new Float32Array(size),
      interleave: undefined,
      scratch: size,
      scratchSize: 0,
    }
  );
}

function withWebAssembly(size: number): CellMemory | undefined {
  const { WebAssembly } = globalThis as WithWebAssembly;
  if (!WebAssembly) return undefined;
  const pages = (size + scratchCells) / pageCells;
  try {
    module ??= new WebAssembly.Module(Buffer.from(interleaveModule, 'base64'));
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const { interleave } = new WebAssembly.Instance(module, { grid: { memory } }).exports;
    const cells = new Float32Array(memory.buffer);
    return { cells, interleave, scratch: size, scratchSize: scratchCells };
  } catch {
    // Out of address space, or no vector instructions: an ordinary buffer will do.
    return undefined;
  }
}

/** Gives memory back for the next who needs some. Nobody may read or write it any more. */
export function giveBackMemory(memory: CellMemory): void {
  kept.push(memory);
  // The oldest go first: a size that nobody asks for again must not stay.
  let total = kept.reduce((sum, { cells }) => sum + cells.length, 0);
  while (total > keptCells) total -= kept.shift()!.cells.length;
}
