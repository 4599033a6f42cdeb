/**
 * The training row of the design's table: 8 channels × 1,000,000 samples, K = 129, `smooth:64`, certificate included,
 * beside the forum's module in PyTorch on its way to within 1 % of its own best α.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadBackend } from '../../src/train/backend.ts';
import { trainKernel } from '../../src/train/train.ts';
import { noisyWalk, recordingOf } from '../../test/train/support.ts';
import { askForum, torchPython } from '../proof/torch.ts';
import { table } from './measure.ts';

const [channels, samples, taps, period] = [8, 1_000_000, 129, 64];
/** PyTorch's default, and what who knows where α must go would take. */
const rates = [0.001, 0.01];

export async function benchTraining(): Promise<string> {
  await loadBackend();
  const walks = Array.from({ length: channels }, (_, c) => noisyWalk(samples, 0.005 * (c + 1), c + 1));
  const recording = recordingOf(...walks);
  const before = process.memoryUsage().rss;
  const trained = await trainKernel([recording], { taps, target: `smooth:${period}` });
  const megabytes = process.resourceUsage().maxRSS / 1024 - before / 2 ** 20;
  const lines = [
    ['firtrend, all it does', `${trained.seconds.toFixed(1)} s`, 1],
    ['certificate, relative to the loss (≤ 1e-6)', trained.certificate.relative!.toExponential(1), ''],
    ['memory above the samples and TensorFlow (≤ 250 MB)', `${megabytes.toFixed(0)} MB`, ''],
  ];
  const python = torchPython();
  if (python !== undefined) {
    const folder = await mkdtemp(join(tmpdir(), 'firtrend-bench-'));
    try {
      const raw = join(folder, 'training.f64');
      // The training part alone, as here.
      await writeFile(
        raw,
        Buffer.concat(walks.map((walk) => Buffer.from(walk.slice(0, 0.8 * samples).buffer))),
      );
      const goal = 1.01 * trained.loss.train.ramp;
      const times = (seconds: number): string => `${(seconds / trained.seconds).toFixed(1)} ×`;
      for (const rate of rates) {
        const forum = await askForum(python, 'race', { raw, channels, period, taps, alpha: 1, rate, goal });
        const whole = forum.steps * forum.stepSeconds;
        lines.push(
          [
            `forum's module, Adam ${rate}, ${forum.steps} steps of ${forum.stepSeconds.toFixed(2)} s`,
            `${whole.toFixed(0)} s`,
            times(whole),
          ],
          [
            `the same by batches of 10,000 samples, ${forum.batchSteps} steps`,
            `${forum.batchSeconds.toFixed(1)} s`,
            times(forum.batchSeconds),
          ],
        );
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  }
  return table(['8 × 1,000,000 samples, K = 129, smooth:64', '', 'time ÷ ours'], lines);
}
