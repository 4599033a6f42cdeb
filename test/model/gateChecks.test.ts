/** Every check of the gate is needed by a hostile file that only it refuses, and every hostile file by its check. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { link, mkdir, open, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../support/models.ts';
import { type GateWithSwitches, gateWithSwitches } from './gateWithSwitches.ts';
import { hostileModels, weighing } from './hostileModels.ts';
import { everything, sharedFile } from './modelFiles.ts';
import { stored } from './samples.ts';

const run = promisify(execFile);

let gate: GateWithSwitches;
beforeAll(async () => {
  gate = await gateWithSwitches();
});
afterAll(() => gate.dispose());

interface Attempt {
  readonly name: string;
  readonly code: string;
  readonly message: RegExp;
  readonly run: () => unknown;
}

const taps = stored(3);
const kernel = { taps, bias: 0 };

/** What no file can hold, for another check comes first: refused where a model is made. */
const unmakeable: [message: RegExp, parts: Parameters<GateWithSwitches['trendModel']>[0]][] = [
  [/^kernels: expected 1 to 1024, got 0/, { kernels: [] }],
  [/^taps: expected 1 to 513, got 514/, { kernels: [{ taps: stored(514), bias: 0 }] }],
  [/^rate: expected a positive number of Hz, got 0/, { kernels: [kernel], rate: 0 }],
  [/^channels: expected the names of 2 channels/, { kernels: [kernel, kernel] }],
  [/^channels: expected 2 names, got 3/, { kernels: [kernel, kernel], channels: ['a', 'b', 'c'] }],
  [
    /^taps of channel b: expected 3, as in the first kernel, got 2/,
    { kernels: [kernel, { taps: stored(2), bias: 0 }], channels: ['a', 'b'] },
  ],
];

async function files(): Promise<Attempt[]> {
  const dir = await temporaryFolder();
  const at = (name: string) => join(dir, name);
  await mkdir(at('folder'));
  await run('mkfifo', [at('pipe')]);
  await writeFile(at('one'), sharedFile);
  await link(at('one'), at('other'));
  await writeFile(at('large'), '');
  await truncate(at('large'), 9 * 2 ** 20);
  const cases: [name: string, path: string, message: RegExp][] = [
    ['a folder', at('folder'), /expected a regular file/],
    ['a pipe', at('pipe'), /expected a regular file/],
    ['a device', '/dev/null', /expected a regular file/],
    ['a second hard link', at('other'), /hard links: expected one, got 2/],
    ['9 MiB', at('large'), /file size: expected at most 8388608 bytes, got 9437184/],
    // The kernel says 0 bytes, and then there are some.
    ['a file that grows', '/proc/self/status', /a file that is changing/],
  ];
  return cases.map(([name, path, message]) => ({
    name,
    code: 'modelFile',
    message,
    run: () => gate.readModelFile(path),
  }));
}

async function attempts(): Promise<Attempt[]> {
  return [
    ...hostileModels.map(({ bytes, ...told }) => ({
      ...told,
      run: () => gate.readModel(bytes, 'h', everything),
    })),
    {
      name: 'increasing taps',
      code: 'modelNotAllowed',
      message: /may allow: unordered/,
      run: () => gate.readModel(weighing([0.75, 0.25]), 'h'),
    },
    ...unmakeable.map(([message, parts]) => ({
      name: String(message),
      code: 'modelRefused',
      message,
      run: () => gate.trendModel(parts),
    })),
    ...(await files()),
  ];
}

/** Whether it is refused as it has to be: by that code, with that message. */
async function refusedAsNamed({ code, message, run }: Attempt): Promise<boolean> {
  try {
    await run();
    return false;
  } catch (error) {
    const told = error as { code?: unknown; message?: unknown };
    return told.code === code && message.test(String(told.message));
  }
}

test('the gate with switches, all on, takes what the gate takes', () => {
  gate.switches.off = -1;
  expect(gate.readModel(sharedFile, 'shared').guarantees.taps).toBe(5);
  expect(gate.checks.length).toBeGreaterThan(50);
});

test('no hostile file is refused as it has to be once its check is gone, and no check is without such a file', async () => {
  const needed = new Set<number>();
  const spared: string[] = [];
  for (const attempt of await attempts()) {
    gate.switches.off = -1;
    gate.switches.last = -1;
    expect(await refusedAsNamed(attempt), attempt.name).toBe(true);
    const check = gate.switches.last;
    gate.switches.off = check;
    if (await refusedAsNamed(attempt)) spared.push(`${attempt.name} without ${gate.checks[check]}`);
    needed.add(check);
  }
  gate.switches.off = -1;
  expect(spared).toEqual([]);
  expect(gate.checks.filter((_, i) => !needed.has(i))).toEqual([]);
});

test('without O_NOFOLLOW a link would be followed', async () => {
  const dir = await temporaryFolder();
  await writeFile(join(dir, 'model'), sharedFile);
  await symlink(join(dir, 'model'), join(dir, 'link'));
  await expect(gate.readModelFile(join(dir, 'link'))).rejects.toMatchObject({ code: 'modelFile' });
  const following = await gateWithSwitches(' | constants.O_NOFOLLOW');
  expect(await following.readModelFile(join(dir, 'link'))).toEqual(sharedFile);
  following.dispose();
});

test('without O_NONBLOCK a pipe would hold the gate until somebody writes', async () => {
  const pipe = join(await temporaryFolder(), 'pipe');
  await run('mkfifo', [pipe]);
  const waiting = await gateWithSwitches(' | constants.O_NONBLOCK');
  let ended = false;
  const reading = waiting.readModelFile(pipe).finally(() => {
    ended = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(ended).toBe(false);
  const writer = await open(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
  await expect(reading).rejects.toMatchObject({ code: 'modelFile' });
  await writer.close();
  waiting.dispose();
});
