import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root, serveProcess } from './support/command.ts';
import { temporaryFolder } from './support/models.ts';
import { rawClient } from './support/rawClient.ts';

const forbidden = [
  ['src/dsp', '../train/train.ts'],
  ['src/dsp', 'node:fs'],
  ['src/train', '../model/gate.ts'],
  ['src/train', 'onnxruntime-node'],
  ['src/model', '../filter/trendFilter.ts'],
  ['src/filter', '@tensorflow/tfjs-node'],
  ['src/filter', '../log/sampleLog.ts'],
  ['src/log', '../daemon/serve.ts'],
  ['src/wire', 'node:crypto'],
  ['src/daemon/hub', '../../train/train.ts'],
  ['src/daemon/hub', '@tensorflow/tfjs-node'],
  ['src/client', '../log/sampleLog.ts'],
  ['src/client', 'zod'],
  ['src/cli', 'onnxruntime-node'],
  ['src/daemon', 'echarts'],
  ['src/cli', 'yaml'],
  ['src/model', 'jose'],
  ['src/log', '@platformatic/prom-client'],
] as const;

const allowed = [
  ['src/filter', '../dsp/frame.ts'],
  ['src/daemon/hub', '../../filter/trendFilter.ts'],
  ['src/client', '../wire/names.ts'],
  ['src/client', '../dsp/frame.ts'],
  ['src/train', '@tensorflow/tfjs-node'],
  ['src/daemon/config', 'yaml'],
] as const;

test('the linter holds the direction of imports', async () => {
  const dir = await temporaryFolder();
  for (const file of ['biome.json', '.gitignore']) cpSync(join(root, file), join(dir, file));
  [...forbidden, ...allowed].forEach(([folder, imported], i) => {
    mkdirSync(join(dir, folder), { recursive: true });
    writeFileSync(join(dir, folder, `case${i}.ts`), `import { thing } from '${imported}';\n\nthing();\n`);
  });
  const biome = join(root, 'node_modules/.bin/biome');
  const options = ['--colors=off', '--max-diagnostics=none', '--only=style/noRestrictedImports'];
  const { stdout, stderr } = spawnSync(biome, ['lint', ...options, '.'], { cwd: dir, encoding: 'utf8' });
  const found = [
    ...(stdout + stderr).matchAll(/(src\S+case\d+\.ts):\S+ lint\/style\/noRestrictedImports/g),
  ].map((m) => m[1]);
  const expected = forbidden.map(([folder], i) => `${folder}/case${i}.ts`);
  expect(found.sort()).toEqual(expected.sort());
});

test('the daemon serves without TensorFlow: only its own dependencies beside a built dist/', async () => {
  const dir = await temporaryFolder();
  for (const part of ['dist', 'models/gait', 'package.json'])
    cpSync(join(root, part), join(dir, part), { recursive: true });
  mkdirSync(join(dir, 'node_modules'));
  const optional = new Set([
    '@tensorflow',
    'echarts',
    'hyparquet',
    'node-api-headers',
    '.bin',
    '.package-lock.json',
  ]);
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!optional.has(name)) symlinkSync(join(root, 'node_modules', name), join(dir, 'node_modules', name));
  }
  const daemon = await serveProcess(['--model', 'gait'], {
    cwd: dir,
    main: join(dir, 'dist/cli/main.js'),
  });
  const client = await rawClient(daemon.url);
  const { slot } = await client.ask({ type: 'open', stream: 's', channels: [{ name: 'x' }], rate: 64 });
  const { streams } = await client.ask({ type: 'subscribe', streams: ['s'] });
  expect(streams).toMatchObject([{ model: 'gait', version: 1 }]);
  client.send({ type: 'samples', slot, values: [[1, 1, 1]] });
  expect((await client.until(({ type }) => type === 'trend')).trend).toEqual([[1, 1, 1]]);
  expect(await daemon.stop()).toBe(0);
});
