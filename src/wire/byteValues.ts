import type { FrameValues } from '../dsp/frame.ts';

/** Where bytes are brought into line with their numbers; as large as the largest frame so far. */
let numbers = new Float32Array(1024);
let bytes = new Uint8Array(numbers.buffer);

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/**
 * The numbers of a frame from the bytes they came in, `[channel][row]` as little-endian float32, which need not be
 * aligned and must not change until they are placed.
 */
export function byteValues(data: Uint8Array, rows: number, channels: number): FrameValues {
  return {
    place(to, width, at, from) {
      const count = rows * channels;
      if (numbers.length < count) {
        numbers = new Float32Array(2 ** Math.ceil(Math.log2(count)));
        bytes = new Uint8Array(numbers.buffer);
      }
      if (littleEndian) bytes.set(data);
      else readNumbers(data, count);
      const source = numbers;
      // 0 as long as all are finite: one test for all of them is cheaper than one for each.
      let odd = 0;
      for (let c = 0; c < channels; c++) {
        let target = c * width + at;
        const end = (c + 1) * rows;
        for (let i = c * rows + from; i < end; i++) {
          const value = source[i]!;
          odd += value * 0;
          to[target++] = value;
        }
      }
      if (odd !== 0) removeOdd(to, width, at, rows - from, channels);
    },
  };
}

function removeOdd(to: Float32Array, width: number, at: number, count: number, channels: number): void {
  for (let c = 0; c < channels; c++) {
    const start = c * width + at;
    for (let i = start; i < start + count; i++) if (!Number.isFinite(to[i])) to[i] = Number.NaN;
  }
}

function readNumbers(data: Uint8Array, count: number): void {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let i = 0; i < count; i++) numbers[i] = view.getFloat32(4 * i, true);
}
