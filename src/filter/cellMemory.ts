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
  /** The same memory as 16-bit integers, two to a cell. */
  readonly halves: Uint16Array;
  /** Vector instructions within `cells`. Undefined where there is no WebAssembly. */
  readonly vectors: Vectors | undefined;
  /** Where the scratch of `scratchSize` cells begins. */
  readonly scratch: number;
  readonly scratchSize: number;
}

/** The functions of vector.wat. All addresses and distances are in bytes. */
interface Vectors {
  /** `interleave` of rows.ts, for widths of 4 and more. */
  interleave(
    width: number,
    count: number,
    source: number,
    planeStride: number,
    target: number,
    stride: number,
  ): number;
  /** Copies rows of 4, 8 or 16 cells that lie one behind the other to rows `stride` bytes apart. */
  spread(width: number, count: number, source: number, target: number, stride: number): void;
  /**
   * Sets what is missing in rows of 4, 8 or 16 samples to 0 and writes their mask, and a 16-bit integer a row: bit i is
   * set where sample i is missing.
   *
   * @returns 1 where anything is missing, 2 where a magnitude is finite and not ordinary, or both
   */
  mark(width: number, count: number, rows: number, mask: number, stride: number, bits: number): number;
  /**
   * The division of divide.ts for all lanes of a block, where it lies: `sums` become trends, `covered` coverage.
   *
   * @param bounds two int32 for each lane: outputs below the first and from the second on see a missing sample
   * @param least float32: below it a trend is missing
   */
  divide(width: number, count: number, sums: number, covered: number, bounds: number, least: number): void;
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
  const wasm = withWebAssembly(size);
  if (wasm) return wasm;
  const { buffer } = new Float32Array(size);
  return { ...viewsOf(buffer), vectors: undefined, scratch: size, scratchSize: 0 };
}

function withWebAssembly(size: number): CellMemory | undefined {
  const { WebAssembly } = globalThis as unknown as WithWebAssembly;
  if (!WebAssembly) return undefined;
  const pages = (size + scratchCells) / pageCells;
  try {
    module ??= new WebAssembly.Module(Buffer.from(vectorModule, 'base64'));
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const { exports: vectors } = new WebAssembly.Instance(module, { grid: { memory } });
    return { ...viewsOf(memory.buffer), vectors, scratch: size, scratchSize: scratchCells };
  } catch {
    // Out of address space, or no vector instructions: an ordinary buffer will do.
    return undefined;
  }
}

const viewsOf = (buffer: ArrayBuffer): Pick<CellMemory, 'cells' | 'halves'> => ({
  cells: new Float32Array(buffer),
  halves: new Uint16Array(buffer),
});

/** Gives memory back for the next who needs some. Nobody may read or write it any more. */
export function giveBackMemory(memory: CellMemory): void {
  kept.push(memory);
  // The oldest go first: a size that nobody asks for again must not stay.
  let total = kept.reduce((sum, { cells }) => sum + cells.length, 0);
  while (total > keptCells) total -= kept.shift()!.cells.length;
}
