/** Ascending offsets in a segment, in units of 8 bytes. */
export interface Offsets {
  units: Uint32Array;
  length: number;
}

/** A stream's record is listed if it begins this much after the one listed before: a reader parses so far. */
export const listedEvery = 4096;

export function noOffsets(): Offsets {
  return { units: new Uint32Array(0), length: 0 };
}

export function pushOffset(offsets: Offsets, offset: number): void {
  if (offsets.length === offsets.units.length) {
    const larger = new Uint32Array(Math.max(4, 2 * offsets.units.length));
    larger.set(offsets.units);
    offsets.units = larger;
  }
  offsets.units[offsets.length++] = offset / 8;
}

/** As `pushOffset`, unless the one before is near enough for a reader to come across this one. */
export function listOffset(offsets: Offsets, offset: number): void {
  const { units, length } = offsets;
  if (length > 0 && offset - units[length - 1]! * 8 < listedEvery) return;
  pushOffset(offsets, offset);
}
