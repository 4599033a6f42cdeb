import { uniform } from '../uniform.ts';
import type { WindowLoss } from './windowLoss.ts';

/** Windows in arrays for TensorFlow. */
export interface Batch {
  /** Windows × K, newest first: (x[n-j] - y[n]) in the channel's unit. */
  readonly differences: Float32Array;
  /** By which each window's loss enters, so that the sum over a batch estimates the loss of all windows. */
  readonly weights: Float32Array;
  /** Each window's channel, as an index into the loss's channels. */
  readonly channels: Int32Array;
}

/** The next batch. @param size its windows, at most all; a batch is good until the next one is drawn */
export type Draw = (size: number) => Batch;

/** Minibatches without end: all windows of all channels in an order that the seed gives, then in another. */
export function batches({ channels }: WindowLoss, taps: number, seed: number): Draw {
  const random = uniform(seed);
  const stretches = channels.flatMap(({ recordings }, channel) =>
    recordings.flatMap((recording) =>
      recording.runs.map(([first, end]) => ({ channel, recording, first, end })),
    ),
  );
  // starts[s] is the number of windows before stretch s.
  const starts = new Float64Array(stretches.length + 1);
  stretches.forEach(({ first, end }, s) => {
    starts[s + 1] = starts[s]! + end - first;
  });
  const windows = starts.at(-1)!;
  const order = Uint32Array.from({ length: windows }, (_, i) => i);
  let batch: Batch = empty(0, taps);
  let next = windows;
  return (size) => {
    if (batch.weights.length !== size) batch = empty(size, taps);
    if (next + size > windows) {
      shuffle(order, random);
      next = 0;
    }
    for (let i = 0; i < size; i++) {
      const window = order[next++]!;
      const s = stretchOf(starts, window);
      const { channel, recording, first } = stretches[s]!;
      const { unit, share, windows: own } = channels[channel]!;
      const { x, y, from } = recording;
      const n = first + window - starts[s]!;
      const target = y[n - from]!;
      for (let j = 0; j < taps; j++) batch.differences[i * taps + j] = (x[n - j]! - target) / unit;
      batch.weights[i] = (share * windows) / (own * size);
      batch.channels[i] = channel;
    }
    return batch;
  };
}

function empty(size: number, taps: number): Batch {
  return {
    differences: new Float32Array(size * taps),
    weights: new Float32Array(size),
    channels: new Int32Array(size),
  };
}

/** The last stretch that begins at or before a window. */
function stretchOf(starts: Float64Array, window: number): number {
  let [low, high] = [0, starts.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= window) low = middle;
    else high = middle;
  }
  return low;
}

/** Fisher and Yates. */
function shuffle(order: Uint32Array, random: () => number): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
}
