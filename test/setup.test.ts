/** Setup by its effects, in copies of this checkout: what it runs, what it leaves, what it says. */
import { execFile } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { emulatorPath } from './support/emulator.ts';
import { pythonPath } from './support/python.ts';

const checkout = resolve(import.meta.dirname, '..');
const modules = join(checkout, 'node_modules');
const tfjs = '@tensorflow/tfjs-node';
const addon = 'lib/napi-v8/tfjs_binding.node';
const scratch = mkdtempSync(join(tmpdir(), 'firtrend-setup-'));
/** The programs that setup may call, each of which only notes that it was called, and fails. */
const failingPrograms = join(scratch, 'bin');
const calls = join(scratch, 'calls');

/** What a firewall does at its worst: takes the connection and says nothing. */
let silentServer: Server;
let silentUrl: string;
let openConnections = 0;

// On a developer's machine the JavaScript backend is allowed; in CI it would pass unseen for ever.
const problem = process.env.CI === undefined ? nativeProblem() : '';
const reason = problem === '' ? '' : ` [skipped: no native TensorFlow: ${problem}]`;

beforeAll(async () => {
  mkdirSync(failingPrograms);
  symlinkSync(process.execPath, join(failingPrograms, 'node'));
  for (const name of ['npm', 'npx', 'python3', 'python', 'pip3', 'pip', 'g++', 'apt-get', 'node-pre-gyp']) {
    const program = join(failingPrograms, name);
    writeFileSync(program, `#!/bin/sh\necho "${name} $*" >> '${calls}'\nexit 1\n`);
    chmodSync(program, 0o755);
  }
  silentServer = createServer((socket) => {
    openConnections += 1;
    socket
      // A socket that nobody reads never tells of its end.
      .resume()
      .on('error', () => undefined)
      .on('close', () => {
        openConnections -= 1;
      });
  });
  await new Promise<void>((done) => silentServer.listen(0, '127.0.0.1', done));
  const address = silentServer.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  silentUrl = `http://127.0.0.1:${address.port}/`;
});

afterEach(() => rmSync(calls, { force: true }));

afterAll(() => {
  silentServer.close();
  rmSync(scratch, { recursive: true, force: true });
});

describe('this checkout', () => {
  it.skipIf(problem !== '')(`has native TensorFlow${reason}`, async () => {
    const module = join(checkout, 'scripts/setup/tensorflow.mjs');
    const script = `import { probeTensorFlow } from ${JSON.stringify(module)};
      console.log(JSON.stringify(await probeTensorFlow()));`;
    const { stdout } = await runNode(['--input-type=module', '--eval', script]);
    expect(JSON.parse(stdout)).toEqual({ version: expect.stringMatching(/^2\.\d+\.\d+/) });
  });
});

describe('the command line', () => {
  it.each(['--frobnicate', '--build --test', 'extra'])('refuses %s', async (args) => {
    const result = await runNode([join(checkout, 'scripts/setup.mjs'), ...args.split(' ')]);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain('Usage:');
  });

  it('shows its help on stdout', async () => {
    const result = await runNode([join(checkout, 'scripts/setup.mjs'), '--help']);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toContain('--cuda');
  });
});

describe.skipIf(problem !== '')(`a checkout that has all${reason}`, () => {
  it('is left alone: nothing is called, nothing said', async () => {
    const copy = copyCheckout({ native: true });
    const stamps = ['python', 'conformance', 'emulator', 'tools'].map((name) => `.firtrend-${name}.json`);
    const ready =
      pythonPath() !== undefined &&
      (process.arch !== 'x64' || emulatorPath() !== undefined) &&
      !hasProblem(join(modules, '.firtrend-tools.json'));
    for (const stamp of stamps) {
      if (ready && existsSync(join(modules, stamp)))
        cpSync(join(modules, stamp), join(copy, 'node_modules', stamp));
    }
    const first = await setUp(copy, ready ? ['--test'] : []);
    expect(first, first.stderr).toMatchObject({ code: 0 });
    expect(await setUp(copy, ready ? ['--test'] : [])).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(callsMade()).toEqual([]);
  });

  it('gets TensorFlow from the cache without a download, two setups at once', async () => {
    const copy = copyCheckout({ native: false });
    const cache = mkdtempSync(join(scratch, 'cache-'));
    fillCache(join(cache, 'libtensorflow-2.15.1-linux-x64-abc123'));
    const both = await Promise.all([1, 2].map(() => setUp(copy, [], { FIRTREND_CACHE: cache })));
    expect(both.map((result) => result.code)).toEqual([0, 0]);
    expect(realpathSync(join(copy, 'node_modules', tfjs, addon))).not.toContain('cache-');
    expect(both.map((result) => result.stderr).join('')).not.toContain('JavaScript');
    expect(callsMade()).toEqual([]);
  });
});

/** Whether a stamp is missing, or says why something could not be had. */
function hasProblem(stamp: string): boolean {
  return !existsSync(stamp) || readFileSync(stamp, 'utf8').includes('"problem"');
}

describe('without a network', () => {
  it('ends an installer that hangs, cleans up after it, and goes on in JavaScript', async () => {
    const copy = copyCheckout({ native: false });
    const manifest = join(copy, 'node_modules', tfjs, 'package.json');
    const before = readFileSync(manifest, 'utf8');
    const cache = mkdtempSync(join(scratch, 'cache-'));
    const result = await setUp(copy, [], { FIRTREND_CACHE: cache, FIRTREND_INSTALLER_SECONDS: '1' });
    expect(result.stderr).toMatch(
      /JavaScript backend, which is slower: .*no answer within 1 s; PyPI: python3/,
    );
    expect(result.code).toBe(0);
    expect(readdirSync(join(copy, 'node_modules', tfjs))).not.toContain('deps');
    expect(readFileSync(manifest, 'utf8')).toBe(before);
    expect(readdirSync(cache)).toEqual([]);
    await expect.poll(() => openConnections).toBe(0);
  });

  it('does not take an interrupted cache for whole', async () => {
    const copy = copyCheckout({ native: false });
    const cache = mkdtempSync(join(scratch, 'cache-'));
    const entry = join(cache, 'libtensorflow-2.15.1-linux-x64-abc123');
    mkdirSync(join(entry, 'lib'), { recursive: true });
    writeFileSync(join(entry, 'lib/libtensorflow_cc.so.2'), 'the first bytes of');
    const result = await setUp(copy, [], { FIRTREND_CACHE: cache, FIRTREND_INSTALLER_SECONDS: '1' });
    expect(result.stderr).toContain('JavaScript backend');
    expect(existsSync(join(copy, 'node_modules', tfjs, 'deps'))).toBe(false);
  });

  it('says what to do when the npm packages cannot be had', async () => {
    const copy = copyCheckout({ native: false });
    rmSync(join(copy, 'node_modules/.package-lock.json'));
    const result = await setUp(copy, []);
    expect(result).toMatchObject({ code: 1, stderr: expect.stringContaining('npm ping') });
    expect(callsMade()).toEqual(['npm ci --ignore-scripts --no-audit --no-fund']);
  });
});

describe('dist/', () => {
  it('follows src/', async () => {
    const copy = copyCheckout({ native: false });
    writeFileSync(join(copy, 'src/old.ts'), 'export const old = 1;\n');
    expect((await setUp(copy, ['--build'])).code).toBe(0);
    expect(await runNode([join(copy, 'dist/cli/main.js')])).toMatchObject({ stdout: 'hello\n' });

    rmSync(join(copy, 'src/old.ts'));
    rmSync(join(copy, 'dist/cli/main.js'));
    expect((await setUp(copy, ['--build'])).code).toBe(0);
    expect(existsSync(join(copy, 'dist/old.js'))).toBe(false);
    expect(existsSync(join(copy, 'dist/cli/main.js'))).toBe(true);

    writeFileSync(join(copy, 'src/cli/main.ts'), 'export const wrong: number = "text";\n');
    const broken = await setUp(copy, ['--build']);
    expect(broken).toMatchObject({ code: 1, stderr: expect.stringContaining('src/cli/main.ts(1,14)') });
  });
});

/** Why this checkout has no native TensorFlow, '' if it has. */
function nativeProblem(): string {
  const stamp = join(modules, '.firtrend-tensorflow.json');
  if (!existsSync(stamp)) return 'node scripts/setup.mjs has not been run';
  return JSON.parse(readFileSync(stamp, 'utf8')).problem ?? '';
}

/** This checkout with a program of one line and this checkout's packages; tfjs-node with its binding or without. */
function copyCheckout({ native }: { native: boolean }): string {
  const copy = mkdtempSync(join(scratch, 'checkout-'));
  for (const name of [
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'scripts',
  ]) {
    cpSync(join(checkout, name), join(copy, name), { recursive: true });
  }
  for (const list of ['test/requirements.txt', 'test/conformance.txt'])
    cpSync(join(checkout, list), join(copy, list));
  mkdirSync(join(copy, 'src/cli'), { recursive: true });
  writeFileSync(join(copy, 'src/cli/main.ts'), "process.stdout.write('hello\\n');\n");

  const copied = join(copy, 'node_modules');
  const names = readdirSync(modules).filter(
    (name) => name !== '@tensorflow' && !name.startsWith('.firtrend'),
  );
  linkEach(modules, copied, names);
  const scope = readdirSync(join(modules, '@tensorflow')).filter((name) => native || name !== 'tfjs-node');
  linkEach(join(modules, '@tensorflow'), join(copied, '@tensorflow'), scope);
  if (!native) {
    const binding = ['deps', 'lib'].map((name) => join(modules, tfjs, name));
    cpSync(join(modules, tfjs), join(copied, tfjs), {
      recursive: true,
      filter: (file) => !binding.includes(file),
    });
  }
  return copy;
}

function linkEach(from: string, to: string, names: string[]): void {
  mkdirSync(to);
  for (const name of names) symlinkSync(join(from, name), join(to, name));
}

/** A whole entry of the cache, made of the library that this checkout uses. */
function fillCache(entry: string): void {
  mkdirSync(join(entry, 'addon'), { recursive: true });
  for (const name of ['lib', 'include'])
    symlinkSync(realpathSync(join(modules, tfjs, 'deps', name)), join(entry, name));
  const { version } = JSON.parse(readFileSync(join(modules, tfjs, 'package.json'), 'utf8'));
  cpSync(join(modules, tfjs, addon), join(entry, `addon/tfjs-node-${version}.node`));
  writeFileSync(join(entry, 'done'), '');
}

function callsMade(): string[] {
  return existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n') : [];
}

/** Setup of a copy, where every installer fails and every download hangs. */
function setUp(copy: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  return runNode([join(copy, 'scripts/setup.mjs'), ...args], {
    PATH: failingPrograms,
    TFJS_NODE_BASE_URI: silentUrl,
    ...env,
  });
}

function runNode(args: string[], env: NodeJS.ProcessEnv = {}) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((done) => {
    const child = execFile(process.execPath, args, { env: { ...process.env, ...env } }, (_, stdout, stderr) =>
      done({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}
