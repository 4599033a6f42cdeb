/** Python: finding it and pip, and the virtual environments that tests (`--test`) and proofs (`--torch`) compare with. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findEntry, makeEntry } from './cache.mjs';
import { hashOf, modules, readStamp, root, standingProblem, writeProblem, writeStamp } from './paths.mjs';
import { downloadSeconds, run, say, step } from './run.mjs';

/** What each is for, and the stamp, which test/support/python.ts reads. */
const environments = {
  test: {
    requirements: join(root, 'test/requirements.txt'),
    stampFile: join(modules, '.firtrend-python.json'),
    what: "Python packages of the tests' oracles",
    without: 'tests that need them will be skipped',
  },
  conformance: {
    requirements: join(root, 'test/conformance.txt'),
    stampFile: join(modules, '.firtrend-conformance.json'),
    what: 'WebSocket conformance cases',
    without: 'they will be skipped',
  },
  torch: {
    requirements: join(root, 'scripts/proof/requirements.txt'),
    stampFile: join(modules, '.firtrend-torch.json'),
    what: 'PyTorch (5.5 GB with what it depends on)',
    without: 'what compares with it cannot be shown',
  },
};
const pipOptions = ['--disable-pip-version-check', '--no-input', '--retries', '2', '--only-binary=:all:'];

/**
 * @returns {Promise<{ python: string | undefined, pip: string[] | undefined }>} pip may belong to another Python:
 *   good for downloading, not for installing
 */
export async function findPip() {
  const python = await findPython();
  const candidates = [...(python === undefined ? [] : [[python, '-m', 'pip']]), ['pip3'], ['pip']];
  for (const [command, ...args] of candidates) {
    if ((await run(command, [...args, '--version'])).ok) return { python, pip: [command, ...args] };
  }
  return { python, pip: undefined };
}

async function findPython() {
  const candidates = process.env.FIRTREND_PYTHON ? [process.env.FIRTREND_PYTHON] : ['python3', 'python'];
  for (const command of candidates) {
    if ((await run(command, ['-c', 'import sys; sys.exit(sys.version_info < (3, 8))'])).ok) return command;
  }
  return undefined;
}

/**
 * As root on Debian and its kin, which in practice is a container or a CI machine; never by sudo.
 * @param {string[]} packages
 * @returns {Promise<boolean>}
 */
export async function installWithApt(packages) {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || process.env.FIRTREND_APT === '0')
    return false;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = { env, seconds: downloadSeconds() };
  await run('apt-get', ['update'], options);
  return (await run('apt-get', ['install', '--yes', '--no-install-recommends', ...packages], options)).ok;
}

/** @param {keyof typeof environments} kind */
export async function preparePython(kind) {
  const { requirements, stampFile, what, without } = environments[kind];
  const key = hashOf(readFileSync(requirements), process.env.FIRTREND_PYTHON ?? '');
  const stamp = readStamp(stampFile, key);
  if (stamp?.interpreter !== undefined && existsSync(stamp.interpreter)) return;
  const start = performance.now();
  const standing = standingProblem(stamp);
  const made =
    standing === undefined ? await step(what, () => makeEnvironment(requirements)) : { problem: standing };
  if ('folder' in made) {
    writeStamp(stampFile, key, { interpreter: interpreterOf(made.folder) });
    return;
  }
  if (standing === undefined) {
    writeProblem(stampFile, key, made.problem, (performance.now() - start) / 1000);
  }
  say(`Python packages: ${without}: ${made.problem}`);
}

/** @param {string} requirements @returns {Promise<{ folder: string } | { problem: string }>} */
async function makeEnvironment(requirements) {
  if ((await findPython()) === undefined) await installWithApt(['python3', 'python3-venv', 'python3-pip']);
  const python = await findPython();
  if (python === undefined) return { problem: 'python3 (3.9 or later) is not installed' };
  const about = await run(python, [
    '-c',
    'import platform, sys; print(sys.version, sys.base_prefix, platform.machine())',
  ]);
  const name = `python-${hashOf(readFileSync(requirements), about.output).slice(0, 16)}`;
  const whole = findEntry(name);
  if (whole !== undefined && existsSync(interpreterOf(whole))) return { folder: whole };
  return makeEntry(name, async (folder) => {
    const problem = await fillEnvironment(python, folder, requirements);
    if (problem === undefined) return checkEnvironment(folder, requirements);
    // Debian's python3 comes without what makes virtual environments.
    if (!(await installWithApt(['python3-venv']))) return problem;
    return (await fillWithOwnPip(python, folder, requirements)) ?? checkEnvironment(folder, requirements);
  });
}

/** @param {string} folder */
function interpreterOf(folder) {
  return join(folder, 'bin/python');
}

/** @param {string} python @param {string} folder @param {string} requirements @returns {Promise<string | undefined>} why not */
async function fillEnvironment(python, folder, requirements) {
  const problem = await fillWithOwnPip(python, folder, requirements);
  if (problem === undefined || (await run(interpreterOf(folder), ['-m', 'pip', '--version'])).ok)
    return problem;
  return (await fillWithOuterPip(python, folder, requirements)) === undefined ? undefined : problem;
}

/** @param {string} python @param {string} folder @param {string} requirements @returns {Promise<string | undefined>} why not */
async function fillWithOwnPip(python, folder, requirements) {
  const venv = await run(python, ['-m', 'venv', '--clear', folder]);
  if (!venv.ok) return `python3 -m venv: ${venv.why} (on Debian, install python3-venv)`;
  const args = ['-m', 'pip', 'install', ...pipOptions, '--requirement', requirements];
  const pip = await run(interpreterOf(folder), args, { seconds: downloadSeconds() });
  return pip.ok ? undefined : `pip: ${pip.why}`;
}

/**
 * For a Python that has pip but lacks ensurepip: an environment without pip, filled from outside.
 * @param {string} python
 * @param {string} folder
 * @param {string} requirements
 * @returns {Promise<string | undefined>} why not
 */
async function fillWithOuterPip(python, folder, requirements) {
  const venv = await run(python, ['-m', 'venv', '--clear', '--without-pip', folder]);
  if (!venv.ok) return `python3 -m venv: ${venv.why}`;
  const path = await run(interpreterOf(folder), [
    '-c',
    'import sysconfig; print(sysconfig.get_path("purelib"))',
  ]);
  const args = [
    '-m',
    'pip',
    'install',
    ...pipOptions,
    '--target',
    path.output.trim(),
    '--requirement',
    requirements,
  ];
  const pip = await run(python, args, { seconds: downloadSeconds() });
  return pip.ok ? undefined : `pip: ${pip.why}`;
}

/** A wheel may install and yet not load. @param {string} folder @param {string} requirements @returns {Promise<string | undefined>} why not */
async function checkEnvironment(folder, requirements) {
  const names = readFileSync(requirements, 'utf8').match(/^\w+(?===)/gm) ?? [];
  const check = await run(interpreterOf(folder), ['-c', `import ${[...new Set(names)].join(', ')}`]);
  return check.ok ? undefined : check.why;
}
