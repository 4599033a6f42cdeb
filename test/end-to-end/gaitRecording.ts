import { readFileSync } from 'node:fs';

const url = (path: string): URL => new URL(`../../${path}`, import.meta.url);

/** The shipped recording as the tests see it, read without the project's code: [channel][sample] float32. */
export function gaitRecording(): { readonly names: string[]; readonly values: Float32Array[] } {
  const [header, ...rows] = readFileSync(url('recordings/gait-accelerometer.csv'), 'utf8')
    .trim()
    .split(/\r?\n/);
  const names = header!.split(',').slice(1);
  const cells = rows.map((row) => row.split(',').slice(1).map(Number));
  return { names, values: names.map((_, c) => Float32Array.from(cells, (row) => row[c]!)) };
}

/** What NumPy computed in float64 (test/golden/gaitTrends.py): [channel][sample]. */
export function gaitGolden(channels: number): Float64Array[] {
  const bytes = readFileSync(url('test/golden/gait-trends.f64'));
  const all = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
  const length = all.length / channels;
  return Array.from({ length: channels }, (_, c) => all.subarray(c * length, (c + 1) * length));
}

/** The trends in a CSV that `apply` wrote: [channel][sample] float32. */
export function appliedTrends(path: string): Float32Array[] {
  const [header, ...rows] = readFileSync(path, 'utf8').trim().split(/\r?\n/);
  const channels = header!.split(',').length - 1;
  const cells = rows.map((row) => row.split(',').slice(1));
  return Array.from({ length: channels }, (_, c) =>
    Float32Array.from(cells, (row) => (row[c] === '' ? Number.NaN : Number(row[c]))),
  );
}

/** The largest |x| in the window of each sample. */
export function windowPeaks(x: Float32Array, taps: number): Float64Array {
  return Float64Array.from(x, (_, n) => {
    let peak = 0;
    for (let i = Math.max(0, n - taps + 1); i <= n; i++) peak = Math.max(peak, Math.abs(x[i]!));
    return peak;
  });
}

/** mulberry32: a small seeded generator, so that a failure can be repeated. Numbers in [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
