/**
 * Large things that all checkouts share. An entry is a folder `<name>-<random>`, filled where it stays (virtual
 * environments cannot be moved) and whole only once its `done` file exists, which is written last. So an interrupted
 * run leaves nothing that is taken for whole, and two at once do not meet.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cache } from './paths.mjs';

const randomLength = 6;
const dayInMilliseconds = 24 * 60 * 60 * 1000;
/** Entries that this process is filling. @type {Set<string>} */
const unfinished = new Set();

process.on('exit', () => {
  for (const folder of unfinished) discard(folder);
});

/** The folder of a whole entry. @param {string} name @returns {string | undefined} */
export function findEntry(name) {
  return folders()
    .filter((folder) => folder.slice(0, -randomLength) === join(cache, `${name}-`))
    .find(isWhole);
}

/**
 * Fills a new entry.
 * @param {string} name  begins with libtensorflow- or python-
 * @param {(folder: string) => Promise<string | undefined>} fill  gives a sentence if it could not
 * @returns {Promise<{ folder: string } | { problem: string }>}
 */
export async function makeEntry(name, fill) {
  mkdirSync(cache, { recursive: true });
  removeAbandoned();
  const folder = mkdtempSync(join(cache, `${name}-`));
  unfinished.add(folder);
  try {
    const problem = await fill(folder);
    if (problem !== undefined) return { problem };
    const earlier = findEntry(name);
    if (earlier !== undefined) return { folder: earlier };
    writeFileSync(join(folder, 'done'), '');
    return { folder };
  } finally {
    if (!isWhole(folder)) discard(folder);
    unfinished.delete(folder);
  }
}

/** Takes the mark away first: a removal that is interrupted must not leave half an entry. @param {string} folder */
export function discard(folder) {
  rmSync(join(folder, 'done'), { force: true });
  rmSync(folder, { recursive: true, force: true });
}

/** What killed runs have left. The names are checked, for FIRTREND_CACHE may be a folder that holds other things. */
function removeAbandoned() {
  for (const folder of folders().filter((folder) => !isWhole(folder))) {
    const begun = statSync(folder, { throwIfNoEntry: false })?.mtimeMs;
    if (begun !== undefined && Date.now() - begun > dayInMilliseconds) discard(folder);
  }
}

function folders() {
  if (!existsSync(cache)) return [];
  return readdirSync(cache)
    .filter((name) => /^(libtensorflow|python)-.+-\w{6}$/.test(name))
    .map((name) => join(cache, name));
}

/** @param {string} folder */
function isWhole(folder) {
  return existsSync(join(folder, 'done'));
}
