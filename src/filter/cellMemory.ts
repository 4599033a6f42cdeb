import { vectorModule } from './vectorModule.ts';

/** Pages of WebAssembly, the unit in which memory is had. */
const pageCells = 2 ** 14;
/** What is kept between uses, all of it (float32 cells): 32 MiB. */
const keptCells = 8 * 2 ** 20;
/** Room at the end of a memory for what vector instructions work on: four times 1,024 channels × 16 rows. */
const scratchCells = 4 * pageCells;

/** Float32 memory for a grid. */
export interface CellMemory {
  readonly cells: Float32Array<ArrayBuffer>;
  /** Vector instructions within `cells`. Undefined where there is no WebAssembly. */
  readonly vectors: Vectors | undefined;
  /** Where the scratch of `scratchSize` cells begins. */
  readonly scratch: number;
  readonly scratchSize: number;
}

/** The functions of vector.wat. All addresses and distances are in bytes. */
export interface Vectors {
  /** `interleave` of rows.ts, for widths of 4 and more. */
  interleave(
    width: number,
    count: number,
    source: number,
    planeStride: number,
    target: number,
    stride: number,
  ): number;
  /**
   * The division of unpack.ts for all lanes of a block: `sums` become trends.
   *
   * @param bounds two int32 for each lane: outputs below the first and from the second on see a missing sample
   * @param least float32: below it a trend is missing
   */
  divide(
    width: number,
    count: number,
    sums: number,
    covered: number,
    coverage: number,
    bounds: number,
    least: number,
  ): void;
}

/** As much of WebAssembly as is needed: the types of Node 20 have none. */
interface WithWebAssembly {
  readonly WebAssembly?: {
    readonly Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (
      module: object,
      imports: { grid: { memory: object } },
    ) => { readonly exports: Vectors };
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
      vectors: undefined,
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
    module ??= new WebAssembly.Module(Buffer.from(vectorModule, 'base64'));
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const { exports: vectors } = new WebAssembly.Instance(module, { grid: { memory } });
    return { cells: new Float32Array(memory.buffer), vectors, scratch: size, scratchSize: scratchCells };
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
