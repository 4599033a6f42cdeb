/** Where setup keeps things, and the stamps by which a later run knows what is done. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** The checkout, whatever the working directory. */
export const root = resolve(import.meta.dirname, '../..');
export const modules = join(root, 'node_modules');

/** Shared by all checkouts of this user; safe to delete at any time. */
export const cache = process.env.FIRTREND_CACHE
  ? resolve(process.env.FIRTREND_CACHE)
  : join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'firtrend');

/** @param {(string | Buffer)[]} parts */
export function hashOf(...parts) {
  const hash = createHash('sha256');
  // Each part's length first, so that moving text from one part to the next changes the hash.
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest('hex');
}

/**
 * What an earlier run wrote about the same inputs, undefined if there is none or the inputs have changed.
 * @param {string} file
 * @param {string} key  hash of everything the answer depends on
 * @returns {any}
 */
export function readStamp(file, key) {
  try {
    const stamp = JSON.parse(readFileSync(file, 'utf8'));
    return stamp.key === key ? stamp : undefined;
  } catch {
    // Missing or damaged: the step is done again.
    return undefined;
  }
}

/** @param {string} file @param {string} key @param {object} [answer] */
export function writeStamp(file, key, answer = {}) {
  replaceFile(file, (unfinished) => writeFileSync(unfinished, `${JSON.stringify({ key, ...answer })}\n`));
}

/**
 * Makes a file (or link) under another name and renames it into place: nobody sees half of it, and a process that has
 * the old one open or mapped keeps it.
 * @param {string} file
 * @param {(unfinished: string) => void} make
 */
export function replaceFile(file, make) {
  mkdirSync(dirname(file), { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  make(unfinished);
  renameSync(unfinished, file);
}

/** A failure that took longer than this is not tried again within the hour: `npm test` would wait for it each time. */
const slowFailureSeconds = 10;

/**
 * Remembers that a step cannot be done here.
 * @param {string} file
 * @param {string} key
 * @param {string} problem
 * @param {number} seconds  what finding out has cost
 */
export function writeProblem(file, key, problem, seconds) {
  const retryAt = Date.now() + (seconds > slowFailureSeconds ? 3_600_000 : 0);
  writeStamp(file, key, { problem, retryAt });
}

/** The problem in a stamp if it is too early to try again. @param {any} stamp @returns {string | undefined} */
export function standingProblem(stamp) {
  return stamp?.problem !== undefined && Date.now() < stamp.retryAt ? stamp.problem : undefined;
}
