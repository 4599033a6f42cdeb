import { readFileSync } from 'node:fs';
import { lstat, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { firtrend, root, serveProcess } from '../support/command.ts';
import { temporaryFolder } from '../support/models.ts';

/** What scripts rely on: one JSON document on stdout, all else on stderr, taps newest first. */

const gait = join(root, 'recordings/gait-accelerometer.csv');

// biome-ignore lint/suspicious/noExplicitAny: the tests look at any field
async function json(args: readonly string[]): Promise<Record<string, any>> {
  const outcome = await firtrend(args);
  expect(outcome).toMatchObject({ code: 0 });
  expect(outcome.stdout.trim().split('\n')).toHaveLength(1);
  return JSON.parse(outcome.stdout);
}

describe('kernel --json', () => {
  const golden = JSON.parse(readFileSync(new URL('../golden/kernels.json', import.meta.url), 'utf8')).cases;

  test.each([
    [
      'ramp',
      golden.find(
        (c: { family: string; k: number; alpha: number }) =>
          c.family === 'ramp' && c.k === 31 && c.alpha === 0.5,
      ),
    ],
    [
      'cumulative',
      golden.find(
        (c: { family: string; k: number; normalised: boolean }) =>
          c.family === 'cumulative' && c.k === 5 && c.normalised,
      ),
    ],
    [
      'simplex',
      golden.find(
        (c: { family: string; k: number; bias: number }) =>
          c.family === 'simplex' && c.k === 5 && c.bias === 0,
      ),
    ],
  ])("%s: PyTorch's taps to 1e-12, newest first", async (family, { k, alpha, beta, parameters, kernel }) => {
    const given =
      family === 'ramp' ? ['--alpha', alpha, '--beta', beta] : ['--parameters', parameters.join()];
    const found = await json(['kernel', family, '--taps', k, ...given, '--json'].map(String));
    expect(found).toMatchObject({
      family,
      bias: 0,
      guarantees: { taps: k, lag: expect.any(Number), noiseGain: expect.any(Number) },
    });
    const oldestFirst = [...(found.taps as number[])].reverse();
    expect(oldestFirst).toHaveLength(k);
    oldestFirst.forEach((w, i) => {
      expect(Math.abs(w - kernel[i])).toBeLessThan(1e-12);
    });
  });

  test('boxcars: parameters run from length 1 to K', async () => {
    const { taps } = await json(['kernel', 'boxcars', '--taps', '3', '--parameters', '-40,-40,40', '--json']);
    for (const w of taps as number[]) expect(w).toBeCloseTo(1 / 3, 12);
  });
});

test('train, inspect and apply speak of the same kernel', async () => {
  const dir = await temporaryFolder();
  const trained = await json([
    'train',
    gait,
    '--columns',
    'ankle_vert,trunk_vert',
    '--taps',
    '33',
    '--target',
    'smooth:16',
    '--name',
    'walk',
    '--models',
    dir,
    '--json',
  ]);
  const losses = Object.fromEntries(
    ['learned', 'ema', 'sma', 'ramp', 'newest', 'free'].map((name) => [name, expect.any(Number)]),
  );
  expect(trained).toMatchObject({
    model: { name: 'walk', version: 1, path: join(dir, 'walk/1/model.onnx') },
    kernels: [
      { channel: null, bias: 0, certificate: { gap: expect.any(Number), relative: expect.any(Number) } },
    ],
    guarantees: { taps: 33, noOvershoot: true, concaveStepResponse: true, lost: [] },
    loss: { train: losses, heldOut: losses },
    certificate: { gap: expect.any(Number), relative: expect.any(Number) },
    windows: { used: expect.any(Number), leftOut: 0 },
    backend: { name: 'tensorflow', native: true },
    seconds: expect.any(Number),
  });
  const taps: number[] = trained.kernels[0].taps;
  expect(taps).toHaveLength(33);
  expect(trained.certificate.relative).toBeLessThan(1e-6);

  const inspected = await json(['inspect', join(dir, 'walk/1/model.onnx'), '--json']);
  expect(inspected).toMatchObject({
    kernels: [{ channel: null, taps, bias: 0 }],
    metadata: { target: 'smooth:16', family: 'boxcars' },
  });

  // The convolution by the printed taps, by hand, at one sample in the middle and one in the warm-up.
  const out = join(dir, 'trends.csv');
  expect(
    await firtrend([
      'apply',
      'walk',
      gait,
      '--models',
      dir,
      '--columns',
      'ankle_vert,trunk_vert',
      '--out',
      out,
      '--coverage',
    ]),
  ).toMatchObject({ code: 0 });
  const rows = (await readFile(out, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => line.split(','));
  const source = readFileSync(gait, 'utf8')
    .trim()
    .split(/\r?\n/)
    .map((line) => line.split(','));
  expect(rows[0]).toEqual([
    'time_s',
    'ankle_vert',
    'trunk_vert',
    'ankle_vert_coverage',
    'trunk_vert_coverage',
  ]);
  expect(rows.map(([time]) => time)).toEqual(source.map(([time]) => time));
  const x = source.slice(1).map((row) => Number(row[source[0]!.indexOf('ankle_vert')]));
  for (const n of [5, 3000]) {
    const used = taps.slice(0, n + 1);
    const covered = used.reduce((a, b) => a + b, 0);
    const weighted = used.reduce((total, w, j) => total + w * x[n - j]!, 0);
    expect(Number(rows[n + 1]![1])).toBeCloseTo(weighted / covered, 2);
    expect(Number(rows[n + 1]![3])).toBeCloseTo(n < 32 ? covered : 1, 6);
  }
});

test('the same data, options and seed give the same file but for the time stamp', async () => {
  const dir = await temporaryFolder();
  const files = [];
  for (const name of ['a', 'b']) {
    const { model } = await json([
      'train',
      gait,
      '--columns',
      'ankle_vert',
      '--name',
      name,
      '--models',
      dir,
      '--json',
    ]);
    const bytes = await readFile(model.path, 'latin1');
    files.push(bytes.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME'));
  }
  expect(files[0]).toBe(files[1]);
  expect(files[0]).toContain('TIME');
});

test('a version that is not in force says so; a model with a bias is served only where the operator allows it', async () => {
  const dir = await temporaryFolder();
  const args = [
    'train',
    gait,
    '--columns',
    'ankle_vert',
    '--taps',
    '17',
    '--name',
    'm',
    '--models',
    dir,
    '--bias',
  ];
  expect((await firtrend(args)).stderr).not.toContain('stays in force');
  expect((await firtrend(args)).stderr).toContain('m@1 stays in force; firtrend models promote m@2');
  const refused = await firtrend(['serve', '--port', '0', '--models', dir, '--model', 'm']);
  expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/bias/) });
  const daemon = await serveProcess(['--models', dir, '--model', 'm', '--allow', 'bias']);
  expect(await daemon.stop()).toBe(0);
  const out = join(dir, 'out.csv');
  const applied = await firtrend([
    'apply',
    'm',
    gait,
    '--models',
    dir,
    '--columns',
    'ankle_vert',
    '--out',
    out,
  ]);
  expect(applied).toMatchObject({ code: 0, stderr: expect.stringMatching(/not guaranteed: .*bias/) });
});

test('apply: gaps in time, missing cells and text columns; missing trends are empty cells', async () => {
  const dir = await temporaryFolder();
  const lines = ['time,t,note'];
  for (let n = 0; n < 60; n++) {
    if (n === 30) continue;
    lines.push(`${n},${n < 3 ? '' : n % 2 === 0 ? 4 : 6},ok`);
  }
  const file = join(dir, 'room.csv');
  await writeFile(file, `${lines.join('\n')}\n`);
  const taps = await json([
    'train',
    file,
    '--taps',
    '5',
    '--target',
    'forecast:1',
    '--name',
    'room',
    '--models',
    dir,
    '--json',
  ]);
  expect(taps.windows).toMatchObject({ leftOut: expect.any(Number) });
  const out = join(dir, 'out.csv');
  const outcome = await firtrend(['apply', 'room', file, '--models', dir, '--out', out, '--coverage']);
  expect(outcome).toMatchObject({ code: 0, stdout: '' });
  expect(outcome.stderr).toContain('column note is text and left out');
  const rows = (await readFile(out, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => line.split(','));
  expect(rows[0]).toEqual(['time', 't', 't_coverage']);
  expect(rows).toHaveLength(60);
  expect(rows.slice(1, 4).map(([, trend]) => trend)).toEqual(['', '', '']);
  const after = rows.find(([time]) => time === '31')!;
  expect(Number(after[2])).toBeLessThan(1);
  for (const [, trend] of rows.slice(4)) {
    expect(Number(trend)).toBeGreaterThanOrEqual(4);
    expect(Number(trend)).toBeLessThanOrEqual(6);
  }
});

test.each(['train', 'inspect', 'apply', 'serve', 'replay', 'tail', 'kernel', 'demo'])(
  '%s --help has an example',
  async (command) => {
    const { code, stdout } = await firtrend([command, '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples:\\n  \\$ firtrend ${command}`));
  },
);

test('apply --out: stdout for -, a link is followed and not replaced, never over the recording', async () => {
  const dir = await temporaryFolder();
  const small = join(dir, 'small.csv');
  await writeFile(small, 'time,a\n0,1\n1,1\n2,1\n');
  const piped = await firtrend(['apply', 'gait', small, '--out', '-']);
  expect(piped).toMatchObject({ code: 0, stdout: 'time,a\n0,1\n1,1\n2,1\n' });
  const [real, link] = [join(dir, 'real.csv'), join(dir, 'link.csv')];
  await writeFile(real, 'old');
  await symlink(real, link);
  expect(await firtrend(['apply', 'gait', small, '--out', link])).toMatchObject({ code: 0 });
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
  expect(await readFile(real, 'utf8')).toBe(piped.stdout);
  const over = await firtrend(['apply', 'gait', small, '--out', small]);
  expect(over).toMatchObject({ code: 1, stderr: expect.stringContaining('another file than the recording') });
});
