/** What is kept between calls (float32 cells): 16 MiB, beyond the largest grid of ordinary frames. */
const keptCells = 4 * 2 ** 20;

/**
 * Memory for one grid at a time, used again by the next call. A buffer belongs to its call from `take` until
 * `giveBack`, which comes only after the runtime has read it and the masks have been looked at; a call made meanwhile
 * gets memory of its own. Contents are whatever earlier grids left: finite, never NaN (see `pack`).
 */
export class GridBuffer {
  #free = new Float32Array();

  /** At least `cells` float32 cells. */
  take(cells: number): Float32Array<ArrayBuffer> {
    const free = this.#free;
    if (free.length < cells) return new Float32Array(Math.max(cells, 2 * free.length));
    this.#free = new Float32Array();
    return free;
  }

  giveBack(buffer: Float32Array<ArrayBuffer>): void {
    if (buffer.length > this.#free.length && buffer.length <= keptCells) this.#free = buffer;
  }
}
