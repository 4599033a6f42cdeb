import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
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
