import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { entry, root } from '../support/command.ts';
import { temporaryFolder } from '../support/models.ts';

test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s while it trains: nothing is stored, and that is said',
  async (signal) => {
    const models = await temporaryFolder();
    const recording = join(root, 'recordings/gait-accelerometer.csv');
    // Steps so short that it is still training when the signal comes.
    const args = ['train', recording, '--models', models, '--taps', '257', '--learning-rate', '1e-4'];
    const child = spawn(process.execPath, [entry, ...args]);
    onTestFinished(() => void child.kill('SIGKILL'));
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      // A second signal would end it the hard way.
      if (/\d+\/\d+ steps loss/.test(stderr) && !child.killed) child.kill(signal);
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(stderr).toMatch(
      /\d+\/\d+ steps loss [\d.]+, at most [\d.]+ % above the best, at most [\d.]+ s left\n/,
    );
    expect(stderr).toMatch(/\ninterrupted: nothing was stored\n$/);
    expect(code).toBe(130);
    expect(readdirSync(models)).toEqual([]);
  },
);
