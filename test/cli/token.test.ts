import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { firtrend, firtrendRunning, root, serveProcess } from '../support/command.ts';
import { temporaryFolder } from '../support/models.ts';

const token = 'frt_of-this-test';
const sha256 = createHash('sha256').update(token).digest('hex');

test('replay and tail give the token of a file, and say how where one is missing or wrong', async () => {
  const folder = await temporaryFolder();
  const config = join(folder, 'firtrend.yaml');
  await writeFile(
    config,
    JSON.stringify({ auth: { tokens: [{ name: 'me', sha256, scopes: ['publish:**', 'subscribe:**'] }] } }),
  );
  const recording = join(folder, 'r.csv');
  await writeFile(recording, 'x\n1\n2\n3\n');
  const file = join(folder, 'token');
  await writeFile(file, `${token}\n`);
  const wrong = join(folder, 'wrong');
  await writeFile(wrong, 'frt_of-nobody\n');
  const daemon = await serveProcess([
    '--config',
    config,
    '--model',
    join(root, 'models/gait/1/model.onnx'),
    '--log',
    'memory',
  ]);
  const url = ['--url', daemon.url];

  const tail = firtrendRunning(['tail', 's', '--json', ...url, '--token-file', file]);
  await tail.says(/no such stream yet/);
  const replay = ['replay', recording, '--rate', '64', '--stream', 's', ...url];
  expect(await firtrend([...replay, '--token-file', file])).toMatchObject({ code: 0 });
  await tail.says(/"type":"(trend|added)"/);

  const none = await firtrend(replay);
  expect(none).toMatchObject({ code: 1 });
  expect(none.stderr).toMatch(
    /token: expected one .* got none; give one with --token-file FILE or FIRTREND_TOKEN/,
  );
  expect(await firtrend([...replay, '--token-file', wrong])).toMatchObject({ code: 1 });
  const missing = await firtrend([...replay, '--token-file', join(folder, 'nothing')]);
  expect(missing.stderr).toMatch(/--token-file: expected a readable file, got ENOENT/);
});
