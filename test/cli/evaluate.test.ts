import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { firtrend, root } from '../support/command.ts';
import { repositoryWith, sampleTaps } from '../support/models.ts';

const gait = join(root, 'recordings/gait-accelerometer.csv');
const models = join(root, 'models');

/** By SciPy (test/train/fixtures/make.py), for the shipped recording, smooth:32, K = 65. */
const optimum = JSON.parse(readFileSync(join(root, 'test/train/fixtures/optimum.json'), 'utf8'));

test("the shipped model on its recording: SciPy's losses, and a gap that says it is the best", async () => {
  const outcome = await firtrend(['evaluate', 'gait', gait, '--models', models, '--json']);
  expect(outcome.code).toBe(0);
  const found = JSON.parse(outcome.stdout);
  expect(found).toMatchObject({
    model: { name: 'gait', version: 1, path: join(models, 'gait/1/model.onnx') },
    target: 'smooth:32',
    family: 'boxcars',
    windows: { used: expect.any(Number), leftOut: 0 },
  });
  for (const part of ['train', 'heldOut'] as const) {
    for (const name of ['learned', 'ema', 'sma', 'ramp', 'newest', 'free'] as const) {
      expect(found.loss[part][name] / optimum[part][name]).toBeCloseTo(1, 5);
    }
  }
  expect(found.certificate.relative).toBeLessThan(1e-6);
});

test('in words, for another target, on two files', async () => {
  const { code, stdout } = await firtrend([
    'evaluate',
    'gait',
    gait,
    gait,
    '--models',
    models,
    '--target',
    'forecast:8',
  ]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^gait@1 for forecast:8\n/);
  expect(stdout).toMatch(/this model +[\d.]+ +[\d.]+\nbest ramp/);
  expect(stdout).toMatch(/certificate: no kernel of the class/);
});

test('what goes wrong is said', async () => {
  const dir = await repositoryWith(sampleTaps(9));
  const named = await repositoryWith(sampleTaps(9), { channels: ['hip'] });
  for (const [args, code, says] of [
    [
      ['test', gait, '--models', dir],
      1,
      /model test: does not say what it was trained for; expected --target/,
    ],
    [['test', gait, '--models', named, '--target', 'forecast:1'], 1, /no column "hip"/],
    [['tset', gait, '--models', dir], 1, /did you mean test/],
    [['test', 'missing.csv', '--models', dir, '--target', 'forecast:1'], 1, /missing\.csv: cannot be read/],
    [['test', gait, '--models', dir, '--target', 'forecast:0'], 2, /H ≥ 1/],
    [['test', '--models', dir], 2, /missing required argument 'files'/],
  ] as const) {
    const outcome = await firtrend(['evaluate', ...args]);
    expect(outcome).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(says) });
    expect(outcome.stderr).not.toMatch(/^\s+at /m);
  }
});
