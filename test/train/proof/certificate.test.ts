import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Family } from '../../../src/dsp/families.ts';
import { storedTaps } from '../../../src/dsp/kernel.ts';
import { loadBackend } from '../../../src/train/backend.ts';
import { evaluate } from '../../../src/train/evaluate.ts';
import { fitKernel } from '../../../src/train/fitKernel.ts';
import { trainingLoss } from '../../../src/train/loss.ts';
import { readRecording } from '../../../src/train/readRecording.ts';
import { splitWindows } from '../../../src/train/split.ts';
import { trainKernel } from '../../../src/train/train.ts';
import { firtrend } from '../../support/command.ts';
import { temporaryFolder } from '../../support/models.ts';
import { pythonPath, whyNoPython } from '../../support/python.ts';
import { uniform } from '../support.ts';
import { csvOf, modelBytes } from './grid.ts';
import { recomputed } from './recompute.ts';

const python = pythonPath();
const skipped = python === undefined ? ` [skipped: ${whyNoPython()}]` : '';
const inPython = test.skipIf(python === undefined);

inPython(
  `the command's model file and the CSV alone give its certificate and loss again${skipped}`,
  async () => {
    const folder = await temporaryFolder();
    const commands = [
      ['gait-accelerometer', '--target', 'smooth:32'],
      ['cycling', '--target', 'smooth:32', '--taps', '65', '--per-channel'],
      ['seattle-weather', '--target', 'forecast:8', '--family', 'simplex', '--taps', '33'],
      ['seattle-weather', '--target', 'smooth:16', '--family', 'ramp', '--taps', '65', '--per-channel'],
    ];
    // biome-ignore lint/suspicious/noExplicitAny: the command's JSON
    const trained: any[] = [];
    for (const [recording, ...options] of commands) {
      const args = ['train', csvOf(recording!), ...options, '--models', folder, '--json'];
      const { stdout, stderr } = await firtrend(args);
      expect(stdout, stderr).not.toBe('');
      trained.push(JSON.parse(stdout));
    }
    const findings = await recomputed(
      python!,
      trained.map(({ model }, i) => ({ model: model.path, csv: csvOf(commands[i]![0]!), holdout: 0.2 })),
    );
    findings.forEach((found, i) => {
      const { loss, certificate, kernels, family } = trained[i];
      expect(Math.abs(loss.train.learned / found.loss - 1)).toBeLessThan(1e-9);
      expect(Math.abs(certificate.gap - found.gap)).toBeLessThan(1e-6 * found.loss);
      expect(Math.abs(certificate.relative - found.relative)).toBeLessThan(1e-6);
      expect(kernels).toHaveLength(found.kernels.length);
      found.kernels.forEach((own, c) => {
        expect(Math.abs(kernels[c].certificate.gap - own.gap)).toBeLessThan(1e-6 * own.loss);
      });
      if (family === 'ramp') expect(found.relative).toBeGreaterThan(0.01);
      else expect(found.relative).toBeLessThan(1e-6);
    });
  },
);

inPython(
  `a ramp, a perturbed and an early-stopped kernel: a large certificate that bounds what SciPy gains${skipped}`,
  async () => {
    const [name, target, taps] = ['gait-accelerometer', 'smooth:32', 65] as const;
    const recording = await readRecording(csvOf(name));
    const best = await trainKernel([recording], { target, taps });
    const ramp = await trainKernel([recording], { target, taps, family: 'ramp' });
    const split = splitWindows([recording], { kind: 'smooth', period: 32 }, taps, 0.2);
    const early = await fitKernel(await loadBackend(), 'boxcars', trainingLoss(split.train, taps), {
      steps: 5,
    });
    const random = uniform(4);
    // Each weight by up to a quarter either way, then in order again.
    const perturbed = best.kernels[0].taps.map((w) => w * (0.75 + random() / 2)).sort((a, b) => b - a);
    const kernels = [ramp.kernels[0].taps, perturbed, storedTaps(early.taps)];

    const folder = await temporaryFolder();
    const cases: (Parameters<typeof recomputed>[1][number] & { readonly taps: Float32Array })[] = [];
    for (const [i, own] of kernels.entries()) {
      const total = own.reduce((a, b) => a + b, 0);
      const unit = { ...best.kernels[0], taps: own.map((w) => w / total) };
      const model = join(folder, `${i}.onnx`);
      await writeFile(model, modelBytes({ ...best, kernels: [unit] }));
      cases.push({ model, csv: csvOf(name), holdout: 0.2, optimum: true, taps: unit.taps });
    }
    const findings = await recomputed(python!, cases);
    findings.forEach(({ loss, gap, relative, optimum }, i) => {
      const own = cases[i]!.taps;
      const ours = evaluate(
        [recording],
        { kernels: [{ taps: Float64Array.from(own), bias: 0 }], family: 'boxcars' satisfies Family },
        { target },
      );
      expect(Math.abs(ours.loss.train.learned / loss - 1)).toBeLessThan(1e-9);
      expect(Math.abs(ours.certificate.gap - gap)).toBeLessThan(1e-6 * loss);
      // The optimum is that of the trained kernel, and each of these is well above it, by no more than its gap.
      expect(Math.abs(optimum! / best.loss.train.learned - 1)).toBeLessThan(1e-6);
      expect(loss / optimum! - 1).toBeGreaterThan(0.005);
      expect(relative).toBeGreaterThan(0.01);
      expect(loss - optimum!).toBeLessThanOrEqual(gap);
    });
  },
);
