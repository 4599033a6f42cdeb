import { readRecording } from '../../src/train/readRecording.ts';
import { type TrainOptions, trainKernel } from '../../src/train/train.ts';
import { csvOf, recordings } from '../../test/train/proof/grid.ts';
import { table } from '../bench/measure.ts';
import { percent, type Shown, small } from './shown.ts';

const losses = ['huber:1', 'quantile:0.9'] as const;
const settings: readonly (readonly [string, TrainOptions])[] = [
  ['shared', {}],
  ['per channel', { perChannel: true }],
  ['shared, K = 257', { taps: 257 }],
];
const mostRelative = 1e-3;
const mostSeconds = 15;

/**
 * The losses that need every window, in the default setting (`smooth:32`, K = 65), for each channel, and with a long
 * kernel: what the certificate leaves, the share of training targets covered, the time.
 */
export async function proveLosses(): Promise<Shown> {
  let holds = true;
  const rows = [];
  // Once for TensorFlow to load.
  await trainKernel([await readRecording(csvOf('seattle-weather'))], { taps: 9 });
  for (const loss of losses) {
    for (const name of recordings) {
      const recording = await readRecording(csvOf(name));
      for (const [setting, options] of settings) {
        const { certificate, covered, seconds } = await trainKernel([recording], { ...options, loss });
        const relative = certificate.relative ?? 0;
        holds &&= relative <= mostRelative && seconds <= mostSeconds;
        holds &&= covered === null || Math.abs(covered.train - 0.9) <= 0.01;
        rows.push([
          loss,
          name,
          setting,
          small(relative),
          covered === null ? '' : percent(covered.train, 2),
          seconds.toFixed(1),
        ]);
      }
    }
  }
  const text = [
    `Promised: a certificate of at most ${mostRelative} of the loss, 90 ± 1 % covered, at most ${mostSeconds} s.`,
    table(['loss', 'recording', 'kernel', 'certificate', 'covered in training', 'seconds'], rows),
  ].join('\n\n');
  return { text, holds };
}
