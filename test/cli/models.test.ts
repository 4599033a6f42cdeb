import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodeModel } from '../../src/model/encodeModel.ts';
import { publish } from '../../src/model/repository.ts';
import { trendModel } from '../../src/model/trendModel.ts';
import { firtrend } from '../support/command.ts';
import { repositoryWith, sampleTaps, temporaryFolder } from '../support/models.ts';

/** `test@1` in force, `test@2` and `test@3` beside it. */
async function threeVersions(): Promise<string> {
  const dir = await repositoryWith(sampleTaps(5));
  for (const taps of [7, 9]) {
    const kernels = [{ taps: Float64Array.from(sampleTaps(taps)), bias: 0 }];
    await publish(dir, 'test', encodeModel(trendModel({ kernels })));
  }
  return dir;
}

const active = (dir: string) => readFile(join(dir, 'test/active'), 'utf8');

describe('firtrend models', () => {
  test('list: each model with its versions and the one in force', async () => {
    const dir = await threeVersions();
    expect(await firtrend(['models', 'list', '--models', dir])).toEqual({
      code: 0,
      stdout: 'test@1 in force; versions 1, 2, 3\n',
      stderr: '',
    });
    const { stdout } = await firtrend(['models', 'list', '--models', dir, '--json']);
    expect(JSON.parse(stdout)).toEqual({ models: [{ name: 'test', versions: [1, 2, 3], active: 1 }] });
  });

  test('list: an empty repository is no failure', async () => {
    const dir = join(await temporaryFolder(), 'none');
    expect(await firtrend(['models', 'list', '--models', dir])).toMatchObject({
      code: 0,
      stdout: `no models in ${dir}\n`,
    });
    expect(JSON.parse((await firtrend(['models', 'list', '--models', dir, '--json'])).stdout)).toEqual({
      models: [],
    });
  });

  test('promote and rollback change what `active` names, and what NAME means to the other commands', async () => {
    const dir = await threeVersions();
    const promoted = await firtrend(['models', 'promote', 'test@3', '--models', dir, '--json']);
    expect(promoted.code).toBe(0);
    expect(JSON.parse(promoted.stdout)).toEqual({
      name: 'test',
      version: 3,
      path: join(dir, 'test/3/model.onnx'),
      previous: 1,
    });
    expect(await active(dir)).toBe('3\n');
    const { kernels } = JSON.parse((await firtrend(['inspect', 'test', '--models', dir, '--json'])).stdout);
    expect(kernels[0].taps).toHaveLength(9);

    const back = await firtrend(['models', 'rollback', 'test', '--models', dir]);
    expect(back).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^test@2 is in force, in place of test@3/),
    });
    expect(await active(dir)).toBe('2\n');
    expect((await readdir(join(dir, 'test'))).sort()).toEqual(['1', '2', '3', 'active']);
  });

  test.each([
    ['no version below', ['rollback', 'test'], 1, /model test: expected a version below 1.*got only 1, 2, 3/],
    [
      'a version that is not there',
      ['promote', 'test@9'],
      1,
      /version 9, which is not there; expected one of 1, 2, 3/,
    ],
    ['an unknown model', ['rollback', 'tset'], 1, /"tset".*did you mean test\?/],
    ['promote without a version', ['promote', 'test'], 2, /Expected NAME@VERSION/],
    ['a version that is no number', ['promote', 'test@latest'], 2, /Expected NAME@VERSION/],
    ['a name that is a path', ['rollback', '../test'], 2, /Expected NAME/],
    [
      'an unknown verb, with a suggestion',
      ['rolback', 'test'],
      2,
      /unknown command 'rolback'[\s\S]*rollback/,
    ],
  ])('%s', async (_name, args, code, says) => {
    const dir = await threeVersions();
    const outcome = await firtrend(['models', ...args, '--models', dir]);
    expect(outcome).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(says) });
    expect(outcome.stderr).not.toMatch(/^\s+at /m);
    expect(await active(dir)).toBe('1\n');
  });
});
