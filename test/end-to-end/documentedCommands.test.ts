import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { entry, root } from '../support/command.ts';
import { blocksOf, commandsOf } from '../support/documented.ts';
import { temporaryFolder } from '../support/models.ts';

/*
 * Every command line of the README and the tutorial, in the order a reader meets them, in a folder where firtrend is
 * installed, with a home of its own. A line runs as it stands, but for what `exempt` and `changed` say.
 */

interface Exemptions {
  readonly [line: string]: string;
}

const exempt: Readonly<Record<'README.md' | 'docs/tutorial.md', Exemptions>> = {
  'README.md': {
    'npm run demo': 'test/end-to-end/demo.test.ts runs it',
    'npm test': 'is what runs this',
  },
  'docs/tutorial.md': {
    'mkdir trends && cd trends && npm init --yes': 'the folder of the test',
    'npm install --ignore-scripts ../firtrend-0.1.0.tgz':
      'test/end-to-end/package.test.ts installs the packed package',
  },
};

/** What has to differ: the port, which others may use, and the time that a recording takes at its own pace. */
function changed(line: string, url: string | undefined): string {
  if (/^npx firtrend serve /.test(line)) return `${line} --port 0`;
  if (/^npx firtrend (tail|replay) /.test(line)) {
    const pace = /^npx firtrend replay /.test(line) ? ' --speed max' : '';
    return `${line.replace(/ --speed \d+/, '')} --url ${url}${pace}`;
  }
  return line.replace(/^npm run retrain -- /, `node --import tsx ${join(root, 'scripts/retrain.ts')} `);
}

/** A folder in which firtrend is installed, and what runs there. */
async function place() {
  const folder = await temporaryFolder();
  const home = await temporaryFolder();
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
  symlinkSync(root, join(folder, 'node_modules/firtrend'));
  symlinkSync(entry, join(folder, 'node_modules/.bin/firtrend'));
  symlinkSync(join(root, 'node_modules/tsx'), join(folder, 'node_modules/tsx'));
  const { STATE_DIRECTORY: _, ...usual } = process.env;
  const env = { ...usual, HOME: home, XDG_STATE_HOME: '', NO_COLOR: '1', FIRTREND_DRAIN_TIMEOUT: '0' };
  const started: ChildProcess[] = [];
  let url: string | undefined;
  const end = (child: ChildProcess, signal: NodeJS.Signals): Promise<void> =>
    new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once('exit', () => resolve());
      child.kill(signal);
    });
  onTestFinished(async () => {
    await Promise.all(started.map((child) => end(child, 'SIGKILL')));
  });

  /** `npx firtrend` without the shells between, so that a signal reaches it. */
  const start = (line: string): ChildProcess => {
    const child = spawn(
      'bash',
      ['-c', `exec ${line.replace(/^npx firtrend/, 'node_modules/.bin/firtrend')}`],
      {
        cwd: folder,
        env,
      },
    );
    started.push(child);
    return child;
  };

  return {
    folder,
    get url() {
      return url;
    },
    /** Starts a daemon in place of the one that runs. */
    async serve(line: string): Promise<void> {
      for (const child of started) await end(child, 'SIGTERM');
      const child = start(changed(line, undefined));
      let log = '';
      child.stderr!.on('data', (chunk: Buffer) => {
        log += chunk.toString();
      });
      const first = await new Promise<string>((resolve, reject) => {
        createInterface({ input: child.stdout! }).once('line', resolve);
        child.once('exit', (code) => reject(new Error(`${line}: ended with ${code}: ${log}`)));
      });
      url = (JSON.parse(first) as { listening: string }).listening;
    },
    /** Follows until it has shown a trend. */
    follow(line: string): () => Promise<void> {
      const child = start(changed(line, url));
      let text = '';
      for (const stream of [child.stdout!, child.stderr!])
        stream.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
      return async () => {
        await expect.poll(() => text, { timeout: 20_000 }).toMatch(/^\S+ \d+ .*\d/m);
        await end(child, 'SIGINT');
      };
    },
    run(line: string): Promise<{ code: number; out: string }> {
      return new Promise((resolve) => {
        const child = execFile(
          'bash',
          ['-c', changed(line, url)],
          { cwd: folder, env, timeout: 60_000, maxBuffer: 2 ** 26 },
          (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, out: `${stdout}${stderr}` }),
        );
      });
    },
  };
}

const serves = /^npx firtrend serve /;
const follows = /^npx firtrend tail /;

/** Runs the lines in order; what follows is started before what feeds it. */
async function runAll(
  file: keyof typeof exempt,
  here: Awaited<ReturnType<typeof place>>,
  before: (line: string) => void | Promise<void> = () => undefined,
): Promise<Record<string, string>> {
  const lines = commandsOf(file);
  for (const line of Object.keys(exempt[file])) expect(lines, 'an exemption of nothing').toContain(line);
  const outputs: Record<string, string> = {};
  for (const line of lines) {
    if (exempt[file][line] !== undefined) continue;
    await before(line);
    if (serves.test(line)) await here.serve(line);
    else if (follows.test(line)) {
      const seen = here.follow(line);
      // Another time, beside it: the document has two terminals.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const feeding = lines.filter((other) => /^npx firtrend replay /.test(other)).at(-1)!;
      await here.run(feeding);
      await seen();
    } else {
      const { code, out } = await here.run(line);
      expect(code, `${line}\n${out}`).toBe(0);
      outputs[line] = out;
    }
  }
  return outputs;
}

test('every command of the README runs as it stands', { timeout: 180_000 }, async () => {
  const here = await place();
  symlinkSync(join(root, 'recordings'), join(here.folder, 'recordings'));
  // What the README calls yours.
  const recording = readFileSync(join(root, 'recordings/gait-accelerometer.csv'), 'utf8').split('\n');
  writeFileSync(join(here.folder, 'tomorrow.csv'), recording.slice(0, 3000).join('\n'));
  writeFileSync(join(here.folder, 'firtrend.yaml'), 'model: gait\n');
  const outputs = await runAll('README.md', here, async (line) => {
    // "From what the running daemon has kept": somebody has fed it.
    if (!/--from-log/.test(line)) return;
    const feeding = commandsOf('README.md').find((other) => /^npx firtrend replay /.test(other))!;
    expect((await here.run(feeding)).code).toBe(0);
  });
  expect(Object.keys(outputs).length).toBeGreaterThan(8);
  expect(outputs['npx firtrend config check --config firtrend.yaml']).toMatch(/nothing is wrong/);
});

test('the tutorial, from an empty folder to a kernel that was swapped while it ran', {
  timeout: 180_000,
}, async () => {
  const here = await place();
  const program = blocksOf('docs/tutorial.md').find(({ language }) => language === 'js')!.text;
  const outputs = await runAll('docs/tutorial.md', here, (line) => {
    // The reader has written it down by then.
    if (line === 'node follow.mjs')
      writeFileSync(join(here.folder, 'follow.mjs'), program.replace('ws://127.0.0.1:8420/v1', here.url!));
  });
  expect(outputs['head -3 pump.csv']).toMatch(/^time_s,pressure_kPa,temperature_C\n0\.00,3\d\d/);
  expect(outputs['node follow.mjs']).toMatch(/^site\/pump \d+ [23]\d\d\.\d\d\n$/);
  expect(outputs['npx firtrend log list']).toMatch(/^site\/pump: \[0, \d+\).*2 × 20.* pump@1/m);
  expect(outputs['npx firtrend models promote pump@2']).toMatch(/pump@2 is in force, in place of pump@1/);
  const http = here.url!.replace(/^ws(.*)\/v1$/, 'http$1');
  await expect
    .poll(async () => (await fetch(`${http}/readyz`)).json(), { timeout: 10_000 })
    .toMatchObject({ models: [{ name: 'pump', version: 2, problem: null }] });
});
