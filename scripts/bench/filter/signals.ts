/** The samples that all contenders get. */

const missing = 0.01;

/** Steps of an integer hash: the same everywhere, and no two channels alike. */
function hash(channel: number, n: number): number {
  let h = Math.imul(channel + 1, 0x9e3779b1) ^ Math.imul(n + 1, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
}

/** `[channel][rows]`: a slow wave under noise. */
export function planesOf(channels: number, from: number, rows: number): Float32Array {
  const planes = new Float32Array(channels * rows);
  for (let c = 0, at = 0; c < channels; c++) {
    for (let n = from; n < from + rows; n++, at++)
      planes[at] = Math.sin((n + c) / 40) * 100 + hash(c, n) * 2 ** -29;
  }
  return planes;
}

/** The same with 1 % of the samples missing. */
export function holedPlanesOf(channels: number, from: number, rows: number): Float32Array {
  const planes = planesOf(channels, from, rows);
  for (let c = 0, at = 0; c < channels; c++) {
    for (let n = from; n < from + rows; n++, at++)
      if (hash(n, c) * 2 ** -32 < missing) planes[at] = Number.NaN;
  }
  return planes;
}
