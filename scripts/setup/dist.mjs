/** dist/: what `npx firtrend` and worker threads run. */
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { bundleDashboard, dashboardFiles } from './dashboard.mjs';
import { hashOf, modules, readStamp, root, writeStamp } from './paths.mjs';
import { run, SetupError, step } from './run.mjs';

const source = join(root, 'src');
const dist = join(root, 'dist');
const stampFile = join(dist, '.firtrend-build.json');

export async function buildDist() {
  const sources = filesBelow(source);
  const key = hashOf(
    ...['package-lock.json', 'tsconfig.json', 'tsconfig.build.json'].map((name) =>
      readFileSync(join(root, name)),
    ),
    ...sources.flatMap((file) => [relative(source, file), readFileSync(file)]),
  );
  const outputs = new Set(
    sources
      .filter((file) => /\.m?ts$/.test(file) && !/\.d\.m?ts$/.test(file))
      .filter((file) => !file.startsWith(join(source, 'dashboard')))
      .map(outputOf),
  );
  const page = existsSync(join(source, 'dashboard'));
  if (page) for (const name of dashboardFiles) outputs.add(join(dist, 'dashboard', name));
  const complete = [...outputs].every((file) => existsSync(file));
  if (complete && readStamp(stampFile, key) !== undefined) return;
  await compile(complete);
  if (page) await bundleDashboard(source, join(dist, 'dashboard'));
  removeStale(outputs);
  const main = join(dist, 'cli/main.js');
  if (existsSync(main)) chmodSync(main, 0o755);
  writeStamp(stampFile, key);
}

/** @param {boolean} incremental  false where outputs are missing: tsc trusts its notes and would not write them again */
async function compile(incremental) {
  rmSync(stampFile, { force: true });
  if (!incremental) rmSync(join(dist, '.tsbuildinfo'), { force: true });
  const tsc = await step('dist', () =>
    run(join(modules, '.bin/tsc'), ['-p', 'tsconfig.build.json'], { cwd: root }),
  );
  if (tsc.ok) return;
  process.stderr.write(tsc.output);
  throw new SetupError(
    tsc.output === ''
      ? `tsc: ${tsc.why}. Run setup without --build.`
      : 'src/ does not compile. Correct the errors above and run setup again.',
  );
}

/** Outputs of deleted sources would still be found by imports and by npm pack. @param {Set<string>} outputs */
function removeStale(outputs) {
  for (const file of filesBelow(dist)) {
    const owner = file.replace(/(\.d)?\.(m?)[jt]s(\.map)?$/, '.$2js');
    if (/\.m?[jt]s(\.map)?$/.test(file) && !outputs.has(owner)) rmSync(file);
  }
}

/** @param {string} file */
function outputOf(file) {
  return join(dist, relative(source, file)).replace(/ts$/, 'js');
}

/** @param {string} folder */
function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
