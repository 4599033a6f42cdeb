import { readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { firtrend, firtrendRunning, root, serveProcess } from '../support/command.ts';
import { temporaryFolder } from '../support/models.ts';
import { rawClient } from '../support/rawClient.ts';

const gait = join(root, 'recordings/gait-accelerometer.csv');

/** Runs a command in a folder of its own and holds that it failed, said why, and left nothing behind. */
async function refused(
  args: readonly string[],
  code: number,
  says: RegExp,
  files: Record<string, string> = {},
): Promise<void> {
  const dir = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
  const outcome = await firtrend(args, dir);
  expect(outcome.stderr).toMatch(says);
  expect(outcome.stderr).not.toMatch(/^\s+at /m);
  expect(outcome.code).toBe(code);
  expect(outcome.stdout).toBe('');
  expect((await readdir(dir)).sort()).toEqual(Object.keys(files).sort());
}

describe('recordings: failure, exit code 1', () => {
  test('a file that is not there', () =>
    refused(['train', 'missing.csv'], 1, /missing\.csv: cannot be read.*ENOENT/));

  test('a folder', () => refused(['train', '.'], 1, /\.: cannot be read.*EISDIR/));

  test('an empty file', () => refused(['train', 'empty.csv'], 1, /empty\.csv.*empty/, { 'empty.csv': '' }));

  test('a ragged row: file, line, columns', () =>
    refused(['train', 'r.csv'], 1, /r\.csv, line 3: expected 3 columns.*got 2/, {
      'r.csv': 'time,a,b\n0,1,2\n1,2\n2,3,4\n',
    }));

  test('text in a column that was named: file, line, column, value', () =>
    refused(['train', 'w.csv', '--columns', 'a'], 1, /w\.csv, line 3.*"?a"?.*calm/, {
      'w.csv': 'time,a,b\n0,1,2\n1,calm,2\n2,3,4\n',
    }));

  test('an unknown column, with the nearest names', () =>
    refused(['train', gait, '--columns', 'ankle_vrt'], 1, /ankle_vrt.*ankle_vert/));

  test('K longer than the recording, with the numbers', () =>
    refused(['train', 's.csv', '--taps', '65'], 1, /65/, {
      's.csv': `time,a\n${Array.from({ length: 40 }, (_, i) => `${i},${i % 7}`).join('\n')}\n`,
    }));

  test('apply: the same errors, and no output file', () =>
    refused(['apply', join(root, 'models/gait/1/model.onnx'), 'r.csv', '--out', 'o.csv'], 1, /line 2/, {
      'r.csv': 'time,a\n0\n',
    }));

  test('apply: an output that cannot be written', () =>
    refused(
      ['apply', join(root, 'models/gait/1/model.onnx'), gait, '--out', 'no/such/folder.csv'],
      1,
      /out: expected a file that can be written/,
    ));
});

describe('models: failure, exit code 1', () => {
  test('a model that is not ours', () =>
    refused(['inspect', './m.onnx'], 1, /m\.onnx/, { 'm.onnx': '{"not": "a model"}' }));

  test('serve refuses it too, before it listens', () =>
    refused(['serve', '--port', '0', '--model', './m.onnx'], 1, /m\.onnx/, { 'm.onnx': 'x' }));

  test('an unknown model, with the nearest names', () =>
    refused(['inspect', 'gate', '--models', join(root, 'models')], 1, /"gate".*did you mean gait/));
});

describe('the command line: misuse, exit code 2', () => {
  test.each([
    ['forecast:0', ['train', gait, '--target', 'forecast:0'], /forecast.*at least 1|H ≥ 1/],
    ['a target that is none', ['train', gait, '--target', 'median:3'], /target/],
    [
      'an unknown option, with a suggestion',
      ['train', gait, '--tap', '5'],
      /unknown option '--tap'[\s\S]*--taps/,
    ],
    ['an unknown command, with a suggestion', ['serv'], /unknown command 'serv'[\s\S]*serve/],
    [
      'a value out of range',
      ['kernel', 'ramp', '--taps', '514', '--alpha', '1'],
      /whole number from 1 to 513/,
    ],
    [
      'too few parameters',
      ['kernel', 'boxcars', '--taps', '3', '--parameters', '1,2'],
      /takes 3 numbers, got 2/,
    ],
    ['an unknown family', ['kernel', 'gauss', '--taps', '3'], /Allowed choices are ramp/],
    [
      'a log there is not',
      ['serve', '--log', 'nats://127.0.0.1'],
      /--log: log: expected memory, file or file:DIR/,
    ],
    ['a missing argument', ['inspect'], /missing required argument 'model'/],
  ])('%s', (_name, args, says) => refused(args, 2, says));
});

describe('the daemon: failure, exit code 1', () => {
  test('a port in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    await refused(['serve', '--port', String(port)], 1, new RegExp(`port.*${port} is in use`));
    server.close();
  });

  test('no daemon at the address', () =>
    refused(['tail', '**', '--url', 'ws://127.0.0.1:9/v1'], 1, /expected a daemon at ws:\/\/127\.0\.0\.1:9/));

  test('tail of a stream that is not there: says so, with the nearest names, and waits for it', async () => {
    const daemon = await serveProcess(['--model', 'gait@1']);
    const client = await rawClient(daemon.url);
    const open = { type: 'open', channels: [{ name: 'x' }], rate: 64 };
    await client.ask({ ...open, stream: 'site/engine' });
    const tail = firtrendRunning(['tail', 'site/engin', '--url', daemon.url]);
    await tail.says(
      /site\/engin: there is no such stream yet, waiting for it \(did you mean site\/engine\?\)/,
    );
    const { slot } = await client.ask({ ...open, stream: 'site/engin' });
    await tail.says(/site\/engin: 1 channels at 64 Hz, gait@1/);
    client.send({ type: 'samples', slot, values: [[5, 5]] });
    await tail.says(/site\/engin 1 x=5\n/);
    await daemon.stop();
    expect(await tail.ended).toMatchObject({ code: 1, stderr: expect.stringContaining('4000') });
  });

  test('a frame of the wrong size is told over the wire', async () => {
    const { url } = await serveProcess([]);
    const client = await rawClient(url);
    const { slot } = await client.ask({ type: 'open', stream: 's', channels: [{ name: 'x' }], rate: 10 });
    client.send({ type: 'samples', slot, values: [[1], [2]] });
    const error = await client.until(({ type }) => type === 'error');
    expect(error).toMatchObject({ code: 'frameSize', field: 'values' });
  });
});
