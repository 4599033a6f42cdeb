import type { GridShape, Layout, Place } from './layout.ts';
import { copyFinite, type SampleWindow } from './sampleWindow.ts';

/** Frames to filter: `rows` new samples of every channel of a stream, behind `gap` missing ones. */
export interface FilterJob {
  /** The stream's window; packing takes it forward. */
  readonly window: SampleWindow;
  /** Samples lost between the window and the rows (0 where none). */
  readonly gap: number;
  /** `[channel][row]`, float32; NaN and ±Infinity are missing. */
  readonly planes: Float32Array;
  readonly rows: number;
}

/** A job on the grid. */
export interface PackedJob {
  readonly place: Place;
  readonly channels: number;
  readonly rows: number;
  /** The slot of block 0 of each channel's mask, -1 where it has none; undefined where no channel has. */
  readonly masks: Int32Array | undefined;
}

/** What a call gives the plan. */
export interface Packed {
  /** `[batch row][lane][length]`, finite: missing samples are 0. What no job claimed may hold anything finite. */
  readonly x: Float32Array;
  readonly batchRows: number;
  /** K - 1 + T. */
  readonly length: number;
  readonly jobs: readonly PackedJob[];
}

/**
 * Writes the jobs to the grid in order, each behind the newest K - 1 samples of its window, and takes the windows
 * forward: a second job of the same window sees the first one's samples. A channel with anything missing gets a mask,
 * 1 where a sample is present and 0 where not, in slots of its own behind all data.
 *
 * @param buffer at least twice the cells of the layout's batch rows, all finite
 */
export function pack(
  jobs: readonly FilterJob[],
  { outputs, places, slots }: Layout,
  { taps, lanes, perChannel }: GridShape,
  buffer: Float32Array,
): Packed {
  const history = taps - 1;
  const length = history + outputs;
  let used = slots;
  const packed = jobs.map((job, i): PackedJob => {
    const { window, planes, rows } = job;
    const { channels } = window;
    const place = places[i]!;
    let masks: Int32Array | undefined;
    window.skip(job.gap);
    for (let c = 0; c < channels; c++) {
      let whole = window.missing(c) === 0;
      for (let b = 0; b < place.blocks; b++) {
        const start = b * outputs;
        const old = Math.max(history - start, 0);
        const first = Math.max(start - history, 0);
        const fresh = Math.min(length - old, rows - first);
        const at = (place.slot + c * place.channelStep + b * place.blockStep) * length;
        if (old > 0) window.copy(c, old, old, buffer, at);
        if (!copyFinite(planes, c * rows + first, fresh, buffer, at + old)) whole = false;
      }
      if (whole) continue;
      masks ??= new Int32Array(channels).fill(-1);
      // Per-channel masks must meet their channel's kernel, so they share one further batch row a block.
      const slot = perChannel ? used + c : used;
      masks[c] = slot;
      if (!perChannel) used += place.blocks;
      for (let b = 0; b < place.blocks; b++) {
        const data = place.slot + c * place.channelStep + b * place.blockStep;
        const known = Math.min(length, history + rows - b * outputs);
        splitMask(buffer, data * length, (slot + b * place.blockStep) * length, known);
      }
    }
    if (perChannel && masks) used += place.blocks * lanes;
    window.push(planes, rows);
    return { place, channels, rows, masks };
  });
  const batchRows = Math.ceil(used / lanes);
  return { x: buffer.subarray(0, batchRows * lanes * length), batchRows, length, jobs: packed };
}

/** Writes the mask of `count` samples at `at` to `maskAt` and replaces what is missing by 0. */
function splitMask(x: Float32Array, at: number, maskAt: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const present = x[at + i]! - x[at + i]! === 0;
    x[maskAt + i] = present ? 1 : 0;
    if (!present) x[at + i] = 0;
  }
}
