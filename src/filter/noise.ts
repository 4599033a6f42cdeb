/** A fixed float32 noise in [-1, 1]: what is tried with it is the same at every start. */
export function noise(lane: number, i: number): number {
  let h = Math.imul(lane + 1, 0x9e3779b1) ^ Math.imul(i + 1, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return (h ^ (h >>> 15)) * 2 ** -31;
}

/** `[lane][length]` */
export function signalOf(
  lanes: number,
  length: number,
  sample: (lane: number, i: number) => number,
): Float32Array {
  const signal = new Float32Array(lanes * length);
  for (let lane = 0, at = 0; lane < lanes; lane++) {
    for (let i = 0; i < length; i++, at++) signal[at] = sample(lane, i);
  }
  return signal;
}
