import { execFile } from 'node:child_process';
import { link, mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadModel } from '../../src/model/loadModel.ts';
import { readModelFile } from '../../src/model/readModelFile.ts';
import { refusal, samples, sharedFile } from './modelFiles.ts';

let dir: string;
let path: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'firtrend-files-'));
  path = join(dir, 'model.onnx');
  await writeFile(path, sharedFile);
});

afterAll(() => rm(dir, { recursive: true }));

test('a file is loaded by its path, and belongs to no name', async () => {
  const model = await loadModel(path, { models: join(dir, 'none') });
  expect(model).toEqual({ ...samples.shared, name: null, version: null, path });
});

test('a symbolic link is refused, to a model or to nothing', async () => {
  for (const [name, target] of [
    ['link.onnx', path],
    ['dangling.onnx', '/nowhere'],
  ]) {
    await symlink(target!, join(dir, name!));
    await expect(readModelFile(join(dir, name!))).rejects.toThrow(
      refusal('modelFile', /got a symbolic link$/),
    );
  }
});

test('a file with a second hard link is refused under both names', async () => {
  const [one, other] = [join(dir, 'one.onnx'), join(dir, 'other.onnx')];
  await writeFile(one, sharedFile);
  await link(one, other);
  for (const name of [one, other]) {
    await expect(readModelFile(name)).rejects.toThrow(
      refusal('modelFile', /hard links: expected one, got 2$/),
    );
  }
  await rm(other);
  expect(await readModelFile(one)).toEqual(sharedFile);
});

test('a pipe is refused without waiting for its other end', async () => {
  const pipe = join(dir, 'pipe.onnx');
  await promisify(execFile)('mkfifo', [pipe]);
  await expect(readModelFile(pipe)).rejects.toThrow(refusal('modelFile', /expected a regular file/));
});

test('folders, sockets and devices are refused', async () => {
  const folder = join(dir, 'folder.onnx');
  await mkdir(folder);
  await expect(readModelFile(folder)).rejects.toThrow(refusal('modelFile', /expected a regular file/));
  await expect(readModelFile('/dev/zero')).rejects.toThrow(refusal('modelFile', /expected a regular file/));
  const server = createServer();
  await new Promise<void>((listening) => server.listen(join(dir, 's.onnx'), listening));
  await expect(readModelFile(join(dir, 's.onnx'))).rejects.toThrow(refusal('modelFile', /got ENXIO$/));
  await new Promise((closed) => server.close(closed));
});

test('9 MiB are refused, 8 MiB are read', async () => {
  const large = join(dir, 'large.onnx');
  await writeFile(large, '');
  await truncate(large, 9 * 2 ** 20);
  await expect(readModelFile(large)).rejects.toThrow(
    refusal('modelFile', /at most 8388608 bytes, got 9437184$/),
  );
  await truncate(large, 8 * 2 ** 20);
  expect((await readModelFile(large)).length).toBe(8 * 2 ** 20);
});

test('a file that is not there is named', async () => {
  for (const gone of [join(dir, 'gone.onnx'), join(path, 'model.onnx')]) {
    await expect(loadModel(gone, { models: dir })).rejects.toThrow(
      refusal('modelNotFound', `^model ${gone}: no such file$`),
    );
  }
});

test('what is put in its place meanwhile is not read', async () => {
  const bait = join(dir, 'bait.onnx');
  const swapped = join(dir, 'swapped.onnx');
  for (let i = 0; i < 20; i++) {
    await writeFile(swapped, sharedFile);
    await symlink('/etc/hostname', bait);
    const [read] = await Promise.allSettled([readModelFile(swapped), rename(bait, swapped)]);
    if (read.status === 'fulfilled') expect(read.value).toEqual(sharedFile);
    else expect(read.reason).toMatchObject({ code: 'modelFile' });
    await rm(swapped);
  }
});
