import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Recording } from '../../src/train/recording.ts';

export const gait: string = new URL('../../recordings/gait-accelerometer.csv', import.meta.url).pathname;

/** A CSV file that is gone after the test. */
export function csvFile(text: string | Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), 'firtrend-train-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'recording.csv');
  writeFileSync(path, text);
  return path;
}

/** A recording in memory at 1 Hz, a channel for each array. */
export function recordingOf(...channels: ArrayLike<number>[]): Recording {
  const values = channels.map((channel) => Float64Array.from(channel));
  const seqs = values[0]!.map((_, n) => n);
  return {
    name: 'made.csv',
    path: 'made.csv',
    channels: values.map((_, c) => `c${c}`),
    leftOut: [],
    rate: 1,
    length: seqs.length,
    seqs,
    times: seqs.map((seq) => 1000 * seq),
    values,
    offsets: values.map(() => 0),
    overflow: values.map(() => 0),
    clock: null,
    sha256: '0'.repeat(64),
  };
}

/** Uniform in [0, 1), the same for the same seed (mulberry32). */
export function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Normal with variance 1 (Box and Muller). */
export function normal(seed: number): () => number {
  const random = uniform(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** A random walk of variance q per step in white noise of variance 1. */
export function noisyWalk(samples: number, q: number, seed: number): Float64Array {
  const noise = normal(seed);
  let level = 0;
  return Float64Array.from({ length: samples }, () => {
    level += Math.sqrt(q) * noise();
    return level + noise();
  });
}
