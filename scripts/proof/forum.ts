import { readRecording } from '../../src/train/readRecording.ts';
import { trainKernel } from '../../src/train/train.ts';
import { csvOf, recordings } from '../../test/train/proof/grid.ts';
import { table } from '../bench/measure.ts';
import { percent, type Shown } from './shown.ts';
import { askForum, torchPython } from './torch.ts';

const setting = { target: 'smooth:32', taps: 65, holdout: 0.2 } as const;
const alpha = 1;
const optimizers = [
  ['Adam', 0.001],
  ['Adam', 0.01],
  ['SGD', 0.01],
] as const;

/**
 * The forum's module as its user would train it (PyTorch, 1,000 steps over the whole training part, α from 1), beside
 * firtrend's ramp, which has the same one parameter, and its default family: the training loss reached and the time.
 */
export async function proveForum(): Promise<Shown> {
  const python = torchPython();
  if (python === undefined) return { text: 'Not shown: PyTorch could not be installed.', holds: false };
  let holds = true;
  const rows = [];
  for (const recording of recordings) {
    const data = await readRecording(csvOf(recording));
    // Once for TensorFlow to load.
    await trainKernel([data], { ...setting, family: 'ramp' });
    const ramp = await trainKernel([data], { ...setting, family: 'ramp' });
    const boxcars = await trainKernel([data], { ...setting, family: 'boxcars' });
    const best = ramp.loss.train.learned;
    for (const { family, loss, seconds, timeConstant } of [boxcars, ramp]) {
      const reached = loss.train.learned;
      const own = timeConstant === undefined ? '' : (1 / timeConstant!).toFixed(3);
      rows.push([
        recording,
        `firtrend ${family}`,
        reached.toFixed(5),
        percent(reached / best - 1, 1),
        own,
        seconds.toFixed(1),
      ]);
    }
    for (const [optimizer, rate] of optimizers) {
      const request = { csv: csvOf(recording), ...setting, alpha, optimizer, rate, steps: 1000 };
      const forum = await askForum(python, 'train', request);
      // The same one parameter: nothing is below its best.
      holds &&= forum.loss >= best * (1 - 1e-4) && forum.loss > boxcars.loss.train.learned;
      rows.push([
        recording,
        `forum, ${optimizer} ${rate}`,
        forum.loss.toFixed(5),
        percent(forum.loss / best - 1, 1),
        forum.alpha.toFixed(3),
        forum.seconds.toFixed(1),
      ]);
    }
  }
  const text = [
    `Training loss for ${setting.target}, K = ${setting.taps}, 1,000 steps from α = ${alpha}; firtrend's time has all it does, certificate and baselines included.`,
    table(['recording', 'trained by', 'loss', 'above the best ramp', 'α', 'seconds'], rows),
  ].join('\n\n');
  return { text, holds };
}
