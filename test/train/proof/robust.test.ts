import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { firtrend } from '../../support/command.ts';
import { temporaryFolder } from '../../support/models.ts';
import { pythonPath, whyNoPython } from '../../support/python.ts';
import { csvOf } from './grid.ts';
import { recomputed } from './recompute.ts';

const python = pythonPath();
const skipped = python === undefined ? ` [skipped: ${whyNoPython()}]` : '';

/** Small recordings have their optimum by linear programming in seconds; huber has its own in losses/robust.test.ts. */
const commands = [
  { csv: 'gait-accelerometer', options: ['--loss', 'quantile:0.9'], optimum: false },
  { csv: 'gait-accelerometer', options: ['--loss', 'huber', '--per-channel'], optimum: false },
  { csv: 'cycling', options: ['--loss', 'quantile:0.9', '--per-channel', '--taps', '33'], optimum: true },
  { csv: 'cycling', options: ['--loss', 'huber:0.3', '--bias', '--taps', '129'], optimum: false },
  {
    csv: 'seattle-weather',
    options: ['--loss', 'quantile:0.9', '--target', 'forecast:1', '--taps', '33'],
    optimum: true,
  },
  {
    csv: 'seattle-weather',
    options: [
      '--loss',
      'quantile:0.5',
      '--target',
      'forecast:8',
      '--taps',
      '33',
      '--family',
      'simplex',
      '--max-lag',
      '4',
    ],
    optimum: true,
    maxLag: 4,
  },
];

describe.skipIf(python === undefined)(
  `robust losses: the command's model file and the CSV alone give loss, certificate and share again${skipped}`,
  () => {
    test.each(commands)('$csv $options', async ({ csv, options, optimum, maxLag }) => {
      const folder = await temporaryFolder();
      const args = ['train', csvOf(csv), ...options, '--models', folder, '--name', 'm', '--json'];
      const { stdout, stderr } = await firtrend(args);
      expect(stdout, stderr).not.toBe('');
      const { loss, certificate, kernels, covered, lossName } = JSON.parse(stdout);
      const [found] = await recomputed(
        python!,
        [
          {
            model: join(folder, 'm/1/model.onnx'),
            csv: csvOf(csv),
            holdout: 0.2,
            optimum,
            ...(maxLag !== undefined && { maxLag }),
          },
        ],
        'recomputeRobust.py',
      );
      expect(lossName).toMatch(/^(huber|quantile):0?/);
      expect(Math.abs(loss.train.learned / found!.loss - 1)).toBeLessThan(1e-8);
      expect(Math.abs(certificate.gap - found!.gap)).toBeLessThan(1e-6 * found!.loss);
      expect(found!.relative).toBeLessThan(1e-3);
      found!.kernels.forEach((own, c) => {
        expect(Math.abs(kernels[c].certificate.gap - own.gap)).toBeLessThan(1e-6 * own.loss);
        if (own.optimum !== undefined) {
          expect(own.loss / own.optimum - 1).toBeLessThan(1e-4);
          expect(kernels[c].certificate.gap).toBeGreaterThan(own.loss - own.optimum - 1e-9);
        }
        if (lossName === 'quantile:0.9') expect(Math.abs(own.covered! - 0.9)).toBeLessThan(0.01);
      });
      if (covered !== null) expect(covered.train).toBeCloseTo(found!.covered!, 3);
    });
  },
);
