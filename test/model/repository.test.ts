import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { encodeModel } from '../../src/model/encodeModel.ts';
import { loadModel } from '../../src/model/loadModel.ts';
import { list, promote, publish, resolve, rollback } from '../../src/model/repository.ts';
import { root } from '../support/command.ts';
import { perChannelFile, refusal, samples, sharedFile } from './modelFiles.ts';

let dir: string;

beforeEach(async () => {
  dir = join(await mkdtemp(join(tmpdir(), 'firtrend-models-')), 'models');
});

afterEach(() => rm(join(dir, '..'), { recursive: true }));

test('versions count up; the first is in force, a later one when asked', async () => {
  expect(await publish(dir, 'gait', sharedFile)).toEqual({
    name: 'gait',
    version: 1,
    path: join(dir, 'gait', '1', 'model.onnx'),
  });
  expect((await publish(dir, 'gait', sharedFile)).version).toBe(2);
  expect(await list(dir)).toEqual([{ name: 'gait', versions: [1, 2], active: 1 }]);
  expect(await readFile(join(dir, 'gait', 'active'), 'utf8')).toBe('1\n');
  expect((await publish(dir, 'gait', sharedFile, { activate: true })).version).toBe(3);
  expect((await resolve(dir, 'gait')).version).toBe(3);
  await promote(dir, 'gait', 2);
  expect((await resolve(dir, 'gait')).version).toBe(2);
  expect((await resolve(dir, 'gait@1')).path).toBe(join(dir, 'gait', '1', 'model.onnx'));
  expect((await readdir(join(dir, 'gait'))).sort()).toEqual(['1', '2', '3', 'active']);
  expect(await loadModel('gait@2', { models: dir })).toEqual({
    ...samples.shared,
    name: 'gait',
    version: 2,
    path: join(dir, 'gait', '2', 'model.onnx'),
  });
});

test('a model that the default repository does not hold may be one that ships; elsewhere, and to change, it is not', async () => {
  const before = process.cwd();
  await mkdir(dir, { recursive: true });
  process.chdir(join(dir, '..'));
  try {
    const found = await resolve('models', 'gait@1');
    expect(found).toMatchObject({ name: 'gait', version: 1 });
    expect(await realpath(found.path)).toBe(join(root, 'models/gait/1/model.onnx'));
    await expect(resolve('models', 'gate')).rejects.toThrow(refusal('modelNotFound', /did you mean gait\?$/));
    await expect(resolve('models', 'gait@7')).rejects.toThrow(refusal('modelNotFound', /expected one of 1$/));
    await expect(resolve(dir, 'gait')).rejects.toThrow(refusal('modelNotFound', /it holds none$/));
    await expect(promote('models', 'gait', 1)).rejects.toThrow(refusal('modelNotFound', /it holds none$/));
    await publish('models', 'gait', sharedFile);
    expect((await resolve('models', 'gait')).path).toBe(join('models', 'gait', '1', 'model.onnx'));
  } finally {
    process.chdir(before);
  }
});

test('rolling back puts the next lower version in force that is there, and says what was', async () => {
  for (let i = 0; i < 3; i++) await publish(dir, 'gait', sharedFile, { activate: true });
  await rm(join(dir, 'gait', '2'), { recursive: true });
  expect(await rollback(dir, 'gait')).toEqual({
    name: 'gait',
    version: 1,
    path: join(dir, 'gait', '1', 'model.onnx'),
    previous: 3,
  });
  expect(await readFile(join(dir, 'gait', 'active'), 'utf8')).toBe('1\n');
  expect((await readdir(join(dir, 'gait'))).sort()).toEqual(['1', '3', 'active']);
  await expect(rollback(dir, 'gait')).rejects.toThrow(refusal('modelOldest', /below 1, .* got only 1, 3$/));
  expect(await promote(dir, 'gait', 3)).toMatchObject({ version: 3, previous: 1 });
});

test('rolling back mends an `active` whose version is gone', async () => {
  for (let i = 0; i < 2; i++) await publish(dir, 'gait', sharedFile, { activate: true });
  await rm(join(dir, 'gait', '2'), { recursive: true });
  await expect(resolve(dir, 'gait')).rejects.toThrow(refusal('modelNotFound', /names version 2/));
  await rollback(dir, 'gait');
  expect((await resolve(dir, 'gait')).version).toBe(1);
});

test('a file beside the models is no model', async () => {
  await publish(dir, 'gait', sharedFile);
  await writeFile(join(dir, 'README.md'), 'ours');
  expect(await list(dir)).toEqual([{ name: 'gait', versions: [1], active: 1 }]);
  await expect(rollback(dir, 'README.md')).rejects.toThrow(refusal('modelNotFound', /there are: gait/));
});

test('versions are numbers, not words: 10 comes after 9', async () => {
  for (let i = 0; i < 11; i++) await publish(dir, 'm', sharedFile);
  expect((await list(dir))[0]!.versions).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

test('an unknown name is answered with the nearest ones, an unknown version with those there are', async () => {
  await publish(dir, 'gait', sharedFile);
  await publish(dir, 'engine', sharedFile);
  for (const [ref, code, message] of [
    ['gate', 'modelNotFound', /"gate": expected a file, NAME or NAME@VERSION in .*did you mean gait\?$/],
    ['wholly-other', 'modelNotFound', /there are: engine, gait$/],
    ['gait@7', 'modelNotFound', /version 7, which is not there; expected one of 1$/],
    ['gait@01', 'modelNotFound', /version 01, which is not there/],
    ['gait@', 'modelNotFound', /version , which is not there/],
    ['gate@1', 'modelNotFound', /did you mean gait/],
    ['', 'modelNotFound', /^model ""/],
    ['/a\0b.onnx', 'modelNotFound', /^model "\/a/],
  ] as const) {
    await expect(resolve(dir, ref), ref).rejects.toThrow(refusal(code, message));
  }
  await expect(promote(dir, 'gait', 9)).rejects.toThrow(refusal('modelNotFound', /version 9/));
  expect(await list(join(dir, 'nowhere'))).toEqual([]);
});

test('no path is built from a name that does not match', async () => {
  for (const name of ['', '.', '..', '../out', 'a/b', '.hidden', 'a\0b', 'a@1', 'é', 'x'.repeat(65)]) {
    await expect(publish(dir, name, sharedFile), name).rejects.toThrow(
      refusal('modelName', /^name: expected/),
    );
    await expect(promote(dir, name, 1), name).rejects.toThrow(refusal('modelName', /^name: expected/));
    await expect(rollback(dir, name), name).rejects.toThrow(refusal('modelName', /^name: expected/));
  }
  await expect(readdir(dir)).rejects.toThrow('ENOENT');
});

test('what the gate refuses is not stored; what an operator may allow is', async () => {
  await expect(publish(dir, 'bad', sharedFile.subarray(0, 100))).rejects.toThrow(
    refusal('modelNotOnnx', /for bad:/),
  );
  await expect(readdir(dir)).rejects.toThrow('ENOENT');
  await publish(dir, 'biased', perChannelFile);
  await expect(loadModel('biased', { models: dir })).rejects.toThrow(
    refusal('modelNotAllowed', /allow: bias$/),
  );
  expect((await loadModel('biased', { models: dir, allow: { bias: true } })).channels).toHaveLength(9);
});

test('without a word on it the lowest version is in force; a damaged word is an error that names the file', async () => {
  await publish(dir, 'gait', sharedFile);
  await publish(dir, 'gait', sharedFile);
  const active = join(dir, 'gait', 'active');
  await rm(active);
  expect((await resolve(dir, 'gait')).version).toBe(1);
  await writeFile(active, 'newest');
  await expect(resolve(dir, 'gait')).rejects.toThrow(
    refusal('modelActive', `^${active}: expected a version number, got "newest"$`),
  );
  await writeFile(active, '5');
  await expect(resolve(dir, 'gait')).rejects.toThrow(
    refusal('modelNotFound', /active names version 5, which is not/),
  );
});

test('what a crash left is not seen, and gone after the next publish; work under way is left alone', async () => {
  await publish(dir, 'gait', sharedFile);
  const folder = join(dir, 'gait');
  const [dead, live, old] = ['.new-4194305-x', `.new-${process.pid}-y`, `.new-${process.pid}-z`];
  for (const name of [dead, live, old]) {
    await mkdir(join(folder, name!));
    await writeFile(join(folder, name!, 'model.onnx'), 'half');
  }
  await utimes(join(folder, old), 0, 0);
  expect((await list(dir))[0]!.versions).toEqual([1]);
  await publish(dir, 'gait', sharedFile);
  expect((await readdir(folder)).sort()).toEqual([live, '1', '2', 'active']);
});

/** A process that publishes the file over and over, each version in force at once, and prints their numbers. */
function publisher(file: string, count: number): ChildProcess {
  const code = `
    import { readFile } from 'node:fs/promises';
    import { publish } from ${JSON.stringify(new URL('../../src/model/repository.ts', import.meta.url).href)};
    const bytes = await readFile(${JSON.stringify(file)});
    console.log('ready');
    for (let i = 0; i < ${count}; i++) {
      console.log((await publish(${JSON.stringify(dir)}, 'gait', bytes, { activate: true })).version);
    }`;
  return spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Loads what is in force and every version until told to stop: how many it saw, all of them whole. */
async function readAll(done: () => boolean): Promise<number> {
  const known = new Set([samples.shared!.sha256, samples['per channel']!.sha256]);
  let loads = 0;
  while (!done()) {
    const [found] = await list(dir);
    if (found === undefined) continue;
    const newest = found.versions.at(-1)!;
    for (const ref of ['gait', `gait@${newest}`]) {
      expect(known).toContain((await loadModel(ref, { models: dir })).sha256);
      loads++;
    }
  }
  return loads;
}

async function sourceFiles(): Promise<string[]> {
  await mkdir(dir);
  const files = { 'a.onnx': sharedFile, 'b.onnx': encodeModel(samples['per channel']!) };
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(dir, '..', name), bytes);
  return Object.keys(files).map((name) => join(dir, '..', name));
}

test('two processes that publish at once get all numbers, none twice, while a reader sees whole models only', async () => {
  const files = await sourceFiles();
  let running = files.length;
  const numbers = files.map(async (file) => {
    const seen: number[] = [];
    const child = publisher(file, 25);
    for await (const line of createInterface(child.stdout!)) if (line !== 'ready') seen.push(Number(line));
    running--;
    return seen;
  });
  const [loads, ...published] = await Promise.all([readAll(() => running === 0), ...numbers]);
  expect(published.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  expect(loads).toBeGreaterThan(10);
});

test('killed at random moments, a publisher never leaves half a model or a broken choice', async () => {
  const files = await sourceFiles();
  for (let cycle = 0; cycle < 10; cycle++) {
    const child = publisher(files[cycle % 2]!, 10_000);
    const lines = createInterface(child.stdout!);
    let last = 0;
    lines.on('line', (line) => {
      if (line !== 'ready') last = Number(line);
    });
    let ended = false;
    const exit = once(child, 'exit').then(() => {
      ended = true;
    });
    await once(lines, 'line');
    setTimeout(() => child.kill('SIGKILL'), 40 * Math.random());
    await Promise.all([readAll(() => ended), exit]);
    const [found] = await list(dir);
    const versions = found?.versions ?? [];
    expect(versions).toEqual(versions.map((_, i) => i + 1));
    expect(versions.length).toBeGreaterThanOrEqual(last);
    for (const version of versions) await loadModel(`gait@${version}`, { models: dir });
  }
  await publish(dir, 'gait', sharedFile);
  const left = (await readdir(join(dir, 'gait'))).filter((name) => name.startsWith('.'));
  expect(left).toEqual([]);
});

test('a report appears beside the model, in the same rename', async () => {
  await publish(dir, 'gait', sharedFile, { report: '<!doctype html>é' });
  expect((await readdir(join(dir, 'gait', '1'))).sort()).toEqual(['model.onnx', 'report.html']);
  expect(await readFile(join(dir, 'gait', '1', 'report.html'), 'utf8')).toBe('<!doctype html>é');
});
