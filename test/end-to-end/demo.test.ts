import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { root } from '../support/command.ts';
import { temporaryFolder } from '../support/models.ts';

interface Demo {
  readonly text: () => string;
  readonly until: (pattern: RegExp) => Promise<void>;
  readonly ended: Promise<number | null>;
  readonly pid: number;
}

async function demo(...args: string[]): Promise<Demo> {
  const models = await temporaryFolder();
  const child = spawn(process.execPath, [
    join(root, 'dist/cli/main.js'),
    'demo',
    '--models',
    models,
    ...args,
  ]);
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return {
    text: () => text,
    async until(pattern) {
      for (let i = 0; i < 300 && !pattern.test(text); i++)
        await new Promise((resolve) => setTimeout(resolve, 100));
      expect(text).toMatch(pattern);
    },
    ended: new Promise((resolve) => child.once('exit', resolve)),
    pid: child.pid!,
  };
}

/** The process that the demo started: its daemon. */
function daemonOf(pid: number): number {
  return Number(execFileSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' }).trim());
}

describe('firtrend demo', () => {
  test('ends by itself with a summary: as many trends as samples, none lost, of a kernel trained in this run', async () => {
    const run = await demo('--for', '3');
    expect(await run.ended).toBe(0);
    const summary = run.text();
    expect(summary).toMatch(/kernel\s+demo@1, trained in this run/);
    const samplesIn = Number(/samples in\s+(\d+)/.exec(summary)?.[1]);
    expect(samplesIn).toBeGreaterThan(100);
    expect(Number(/trends out\s+(\d+)/.exec(summary)?.[1])).toBe(samplesIn);
    expect(summary).toMatch(/lost\s+0\n/);
    expect(summary).toMatch(/latency\s+median \d+\.\d+ ms, p99 \d+\.\d+ ms/);
    expect(summary).toMatch(/dashboard .*http:\/\/127\.0\.0\.1:\d+\//);
  });

  test('runs until Ctrl-C, then ends in order with its summary', async () => {
    const run = await demo();
    await run.until(/\d+ trends: /);
    process.kill(run.pid, 'SIGINT');
    expect(await run.ended).toBe(0);
    expect(run.text()).toMatch(/lost\s+0\n/);
  });

  test('fails when the daemon is gone: trends are lost', async () => {
    const run = await demo('--for', '30');
    await run.until(/\d+ trends: /);
    process.kill(daemonOf(run.pid), 'SIGKILL');
    expect(await run.ended).toBe(1);
  });
});
