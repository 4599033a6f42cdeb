import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { firtrend, root } from '../support/command.ts';
import { temporaryFolder } from '../support/models.ts';

const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;

test.each([
  ['gait-accelerometer', '--columns', 'ankle_vert,leg_vert', '--per-channel', '--bias', '--seed', '3'],
  ['cycling', '--target', 'forecast:8', '--max-lag', '0.3', '--lengths', '9,17'],
])('train %s %s %s …: twice the same bytes, but for the time stamp', async (recording, ...options) => {
  const files = join(root, 'recordings', `${recording}.csv`);
  const runs = [];
  for (let run = 0; run < 2; run++) {
    const models = await temporaryFolder();
    const args = ['train', files, '--name', 'same', '--models', models, '--json', ...options];
    const { code, stdout } = await firtrend(args);
    expect(code).toBe(0);
    const [model, report] = await Promise.all(
      ['model.onnx', 'report.html'].map((file) => readFile(join(models, 'same/1', file), 'latin1')),
    );
    // Each says once when it was made.
    expect(model!.match(time)).toHaveLength(1);
    expect(report!.match(time)!.length).toBeGreaterThan(0);
    const { seconds, ...told } = JSON.parse(stdout.replaceAll(models, ''));
    expect(seconds).toBeGreaterThan(0);
    runs.push({ model: model!.replace(time, ''), report: report!.replace(time, ''), told });
  }
  expect(runs[1]).toEqual(runs[0]);
});
