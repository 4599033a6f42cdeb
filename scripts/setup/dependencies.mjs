/** The npm packages of the lockfile, with install scripts off: setup itself does what the few needed ones would. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { modules, root } from './paths.mjs';
import { downloadSeconds, run, SetupError, step } from './run.mjs';

export async function installDependencies() {
  if (installedMatchesLock()) return;
  const npm = await step('npm packages', () =>
    run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: root,
      seconds: downloadSeconds(),
    }),
  );
  if (!npm.ok) {
    throw new SetupError(
      `npm ci: ${npm.why}. Check that npm can reach its registry (npm ping), then run setup again.`,
    );
  }
}

/**
 * npm writes node_modules/.package-lock.json last, so it exists only after a whole installation. Optional packages may
 * be absent (those for other platforms are), except the ones this project names itself.
 */
function installedMatchesLock() {
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = readInstalled();
  if (installed === undefined) return false;
  const named = new Set(
    Object.keys(wanted[''].optionalDependencies ?? {}).map((name) => `node_modules/${name}`),
  );
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    if (installed[path] === undefined) return entry.optional === true && !named.has(path);
    return installed[path].version === entry.version;
  });
}

/** @returns {Record<string, { version: string }> | undefined} */
function readInstalled() {
  try {
    return JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8')).packages;
  } catch {
    return undefined;
  }
}
