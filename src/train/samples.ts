/** A row of float64 numbers, in memory or in a scratch file, that is read piece by piece. */
export interface Samples {
  readonly length: number;
  /** The numbers `[from, to)`, 0 ≤ from ≤ to ≤ length. They may be a view: whoever writes to them takes a copy first. */
  read(from: number, to: number): Float64Array;
}

/** How many numbers are read at once: small beside memory, large beside a window. */
export const chunkLength: number = 2 ** 16;

export function memorySamples(values: Float64Array): Samples {
  return { length: values.length, read: (from, to) => values.subarray(from, to) };
}

/** All of them at once, in memory. */
export function wholeOf(samples: Samples): Float64Array {
  return samples.read(0, samples.length);
}

/** Every number in order, reading a chunk at a time. */
export function* numbersOf(samples: Samples): Generator<number> {
  for (let from = 0; from < samples.length; from += chunkLength) {
    const chunk = samples.read(from, Math.min(from + chunkLength, samples.length));
    for (let i = 0; i < chunk.length; i++) yield chunk[i]!;
  }
}

/** `samples[from … to)`; NaN beyond either end of `samples`. */
export function part(samples: Samples, from: number, to: number): Samples {
  return {
    length: to - from,
    read(first, end) {
      const [low, high] = [from + first, from + end];
      const known = samples.read(clamp(low, samples.length), clamp(high, samples.length));
      if (known.length === end - first) return known;
      const padded = new Float64Array(end - first).fill(Number.NaN);
      padded.set(known, Math.max(0, -low));
      return padded;
    },
  };
}

/** Each number through `f`, which sees one at a time. */
export function mapped(samples: Samples, f: (value: number) => number): Samples {
  return { length: samples.length, read: (from, to) => samples.read(from, to).map(f) };
}

function clamp(index: number, length: number): number {
  return Math.min(Math.max(index, 0), length);
}
