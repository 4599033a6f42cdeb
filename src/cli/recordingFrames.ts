import type { Frame } from '../dsp/frame.ts';
import type { Recording } from '../train/recording.ts';

/** The rows of a recording as frames of up to `most` consecutive samples: no frame crosses a gap. */
export function* recordingFrames({ seqs, values }: Recording, most: number): Generator<Frame> {
  for (let from = 0; from < seqs.length; ) {
    let to = from + 1;
    while (to < seqs.length && to - from < most && seqs[to] === seqs[to - 1]! + 1) to++;
    const seq = seqs[from]!;
    const rows = to - from;
    const planes = new Float32Array(values.length * rows);
    values.forEach((channel, c) => {
      planes.set(channel.subarray(seq, seq + rows), c * rows);
    });
    yield { seq, rows, planes };
    from = to;
  }
}
