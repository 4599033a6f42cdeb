/** The folder of one model: how a version appears in it whole or not at all, and what crashes left is cleared. */
import { randomUUID } from 'node:crypto';
import { lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, syncFolder, writeSynced } from './durable.ts';

export const versionPattern = /^[1-9][0-9]{0,8}$/;

/** Unfinished work; the number is the process that does it. No name or version begins with a dot. */
const temporaryPattern = /^\.new-([0-9]+)-/;

/** Unfinished work this old is nobody's, whoever has its process number now (ms). */
const abandonedAfter = 60 * 60 * 1000;

export function temporaryName(): string {
  return `.new-${process.pid}-${randomUUID()}`;
}

/** The versions in a model's folder, ascending. */
export async function versionsIn(folder: string): Promise<number[]> {
  const names = await namesIn(folder);
  return names
    .filter((name) => versionPattern.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** Names in a folder; none where it is not there or is no folder. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return [];
    throw error;
  }
}

/** Stores files durably by name as the next version, whose number it returns. */
export async function placeVersion(
  folder: string,
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<number> {
  await sweep(folder);
  const staged = join(folder, temporaryName());
  try {
    await mkdir(staged);
    for (const [name, content] of Object.entries(files)) await writeSynced(join(staged, name), content);
    await syncFolder(staged);
    const version = await takeNextNumber(folder, staged);
    await syncFolder(folder);
    return version;
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
}

async function takeNextNumber(folder: string, staged: string): Promise<number> {
  for (;;) {
    const version = ((await versionsIn(folder)).at(-1) ?? 0) + 1;
    try {
      await rename(staged, join(folder, String(version)));
      return version;
    } catch (error) {
      // Another publisher took this number: there is a next one.
      if (errorCode(error) !== 'ENOTEMPTY' && errorCode(error) !== 'EEXIST') throw error;
    }
  }
}

/** Removes what publishers left that were killed. */
async function sweep(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    const [, pid] = temporaryPattern.exec(name) ?? [];
    if (pid === undefined) continue;
    const path = join(folder, name);
    if (isRunning(Number(pid)) && !(await isAbandoned(path))) continue;
    // Taken by a rename first: were its owner alive after all (in another container), it could not place a folder
    // that is half removed.
    const taken = join(folder, temporaryName());
    try {
      await rename(path, taken);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') continue;
      throw error;
    }
    await rm(taken, { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).mtimeMs < Date.now() - abandonedAfter;
  } catch (error) {
    // Its owner has finished.
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}
