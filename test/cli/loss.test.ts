import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { firtrend, retrain, root } from '../support/command.ts';
import { temporaryFolder } from '../support/models.ts';

const weather = join(root, 'recordings/seattle-weather.csv');
const taps = 17;
const common = [
  '--columns',
  'temp_max',
  '--target',
  'forecast:1',
  '--taps',
  String(taps),
  '--name',
  'w',
  '--json',
];

/** The formulas of the README, of errors in units of the newest sample's root mean square error. */
const formulas: Record<string, (e: number) => number> = {
  'huber:0.5': (e) => (Math.abs(e) <= 0.5 ? (e * e) / 2 : 0.5 * (Math.abs(e) - 0.25)),
  'quantile:0.9': (e) => (e >= 0 ? 0.1 * e : -0.9 * e),
};

/** The errors of a kernel on the first 80 % of the recording, read here line by line. */
async function trainingErrors(w: readonly number[], bias: number): Promise<number[]> {
  const [header, ...rows] = (await readFile(weather, 'utf8')).trim().split('\n');
  const column = header!.split(',').indexOf('temp_max');
  const x = rows.slice(0, Math.floor(0.8 * rows.length)).map((row) => Number(row.split(',')[column]));
  const total = w.reduce((a, b) => a + b, 0);
  const errors: number[] = [];
  for (let n = taps - 1; n + 1 < x.length; n++) {
    errors.push(w.reduce((sum, tap, j) => sum + (tap / total) * x[n - j]!, bias) - x[n + 1]!);
  }
  return errors;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

test.each(Object.keys(formulas))('train and retrain --loss %s', async (loss) => {
  const models = await temporaryFolder();
  const { stdout, stderr, code } = await firtrend([
    'train',
    weather,
    ...common,
    '--loss',
    loss,
    '--models',
    models,
  ]);
  expect(code, stderr).toBe(0);
  const trained = JSON.parse(stdout);
  expect(trained).toMatchObject({ lossName: loss, certificate: { gap: expect.any(Number) } });
  const [{ taps: w, bias }] = trained.kernels;
  if (loss.startsWith('huber')) expect(bias).toBe(0);
  else expect(bias).toBeGreaterThan(1);

  const errors = await trainingErrors(w, bias);
  const newest = await trainingErrors([1, ...Array.from({ length: taps - 1 }, () => 0)], 0);
  const unit = Math.sqrt(mean(newest.map((e) => e * e)));
  const lossOf = (own: readonly number[]) => mean(own.map((e) => formulas[loss]!(e / unit)));
  expect(trained.loss.train.learned).toBeCloseTo(lossOf(errors) / lossOf(newest), 6);
  if (loss.startsWith('quantile')) {
    const share = mean(errors.map((e) => (e >= 0 ? 1 : 0)));
    expect(Math.abs(share - 0.9)).toBeLessThan(0.01);
    expect(trained.covered.train).toBeCloseTo(share, 9);
  }

  // The same again is no better than itself, and the model in force was trained for another loss.
  const again = await retrain(weather, ...common, '--loss', loss, '--models', models);
  expect(again.code, again.stderr).toBe(0);
  expect(JSON.parse(again.stdout)).toMatchObject({
    promoted: false,
    reason: expect.stringContaining(`held-out loss (${loss})`),
    comparison: { difference: 0, better: false },
  });
  const other = await retrain(weather, ...common, '--models', models);
  expect(other.stderr).toContain(`w@1 was trained for ${loss}; both are judged by mse`);
});

const commands = {
  train: (...args: string[]) => firtrend(['train', ...args]),
  retrain,
};

test.each([
  ['train', 'huber:0', /got huber:0$/m],
  ['train', 'huber:', /got huber:$/m],
  ['train', 'quantile', /0 < q < 1, got quantile$/m],
  ['train', 'quantile:90%', /got quantile:90%$/m],
  ['train', 'mse:1', /got mse:1$/m],
  ['train', 'hubber:1', /got hubber:1; did you mean huber\?$/m],
  ['retrain', 'huber:-1', /got huber:-1$/m],
  ['retrain', 'quantile:1', /0 < q < 1, got quantile:1$/m],
] as const)('%s --loss %s is misuse, and nothing is trained', async (command, loss, says) => {
  const models = await temporaryFolder();
  const { code, stdout, stderr } = await commands[command](
    weather,
    ...common,
    '--loss',
    loss,
    '--models',
    models,
  );
  expect(stderr).toMatch(says);
  expect(stderr).toMatch(/expected mse, huber, huber:D with D > 0, or quantile:q/);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(await readdir(models)).toEqual([]);
});
