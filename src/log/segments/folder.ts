import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { logError } from '../logError.ts';
import type { Segment } from './catalog.ts';

/** A segment's file, named by its number and salt: `0000000001-9f3a77c2.segment`, with `….index` beside it. */
export interface SegmentName {
  readonly number: number;
  readonly salt: number;
}

const pattern = /^(\d{10})-([0-9a-f]{8})\.(segment|index)$/;

export function segmentPath(folder: string, name: SegmentName, kind: 'segment' | 'index'): string {
  const number = String(name.number).padStart(10, '0');
  return join(folder, `${number}-${name.salt.toString(16).padStart(8, '0')}.${kind}`);
}

export function randomSalt(): number {
  return randomBytes(4).readUInt32LE(0);
}

/** @returns the segments in the folder, oldest first. @throws FirtrendError `logFormat` where two have one number */
export async function listSegments(folder: string): Promise<SegmentName[]> {
  const found = new Map<number, SegmentName>();
  for (const name of await readdir(folder)) {
    const [, number, salt, kind] = pattern.exec(name) ?? [];
    if (kind !== 'segment') continue;
    const segment = { number: Number(number), salt: Number.parseInt(salt!, 16) };
    const other = found.get(segment.number);
    if (other) {
      throw logError('logFormat', `${folder}: two segments have the number ${segment.number}; take one away`);
    }
    found.set(segment.number, segment);
  }
  return [...found.values()].sort((a, b) => a.number - b.number);
}

/** Removes what a crash left half done: temporary files, and index files without a segment. */
export async function removeLeftovers(folder: string): Promise<void> {
  const names = new Set(await readdir(folder));
  for (const name of names) {
    const orphan = pattern.test(name) && !names.has(name.replace(/index$/, 'segment'));
    if (orphan || pattern.test(name.replace(/\.tmp$/, '')) !== pattern.test(name))
      await rm(join(folder, name));
  }
}

/** Makes the folder, and what leads to it, to survive a crash. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o750 });
  if (first === undefined) return;
  for (let at = resolve(folder); at.length >= resolve(first).length; at = dirname(at)) {
    await syncFolder(dirname(at));
  }
}

/** Returns once what was made, renamed or removed in the folder is on the disk. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes a segment's index so that it is there whole or not at all. */
export async function writeIndex(folder: string, segment: Segment, bytes: Buffer): Promise<void> {
  const path = segmentPath(folder, segment, 'index');
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w');
  try {
    for (let done = 0; done < bytes.length; ) {
      done += (await file.write(bytes, done, bytes.length - done, done)).bytesWritten;
    }
    await file.sync();
  } catch (error) {
    await file.close();
    await rm(temporary, { force: true });
    throw error;
  }
  await file.close();
  await rename(temporary, path);
  await syncFolder(folder);
}
