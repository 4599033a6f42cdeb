import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { root, serveProcess } from '../support/command.ts';
import { temporaryFolder } from '../support/models.ts';

test("the README's client example runs as it stands, and prints the trend of what it sent", async () => {
  const example = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'))![1]!;
  const daemon = await serveProcess(['--model', 'gait']);
  const code = example
    .replace("'firtrend/client'", JSON.stringify(join(root, 'dist/client/client.js')))
    .replace('ws://127.0.0.1:8420/v1', daemon.url);
  const file = join(await temporaryFolder(), 'example.mjs');
  writeFileSync(file, code);
  const child = spawn(process.execPath, [file]);
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  expect(await new Promise((resolve) => child.once('exit', resolve)), output).toBe(0);
  expect(output).toMatch(/^site\/pump 0 Float32Array\(4\) \[\s*101\.19/);
});

test("the README's example of filtering without a daemon runs as it stands, and prints trends", async () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const example = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].find(([text]) =>
    text.includes('firtrend/filter'),
  )![1]!;
  const rxjs = createRequire(join(root, 'package.json')).resolve('rxjs');
  const code = example
    .replace("'firtrend/filter'", JSON.stringify(join(root, 'dist/filter/filter.js')))
    .replace("'rxjs'", JSON.stringify(rxjs));
  const file = join(await temporaryFolder(), 'example.mjs');
  writeFileSync(file, code);
  const { stdout, stderr, status } = spawnSync(process.execPath, [file], { cwd: root, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  // Samples 0, 1, 2 …: the trend of the first is itself, and that of a ramp lags by the kernel's lag.
  expect(stdout).toMatch(/^0 Float32Array\(16\) \[\s*0,/);
  expect(stdout.match(/^\d+ Float32Array\(16\)/gm)).toEqual(
    [0, 16, 32, 48].map((seq) => `${seq} Float32Array(16)`),
  );
});
