/**
 * Native TensorFlow for @tensorflow/tfjs-node, whose installer npm does not run here (install scripts are off). Without
 * it training falls back to the JavaScript backend: the same results, about a hundred times slower.
 */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { discard, findEntry } from './cache.mjs';
import { downloadLibrary, libraryName, useLibrary } from './libtensorflow.mjs';
import { hashOf, modules, readStamp, root, standingProblem, writeProblem, writeStamp } from './paths.mjs';
import { run, say, secondsFromEnvironment, step } from './run.mjs';

const tfjs = join(modules, '@tensorflow/tfjs-node');
const manifest = join(tfjs, 'package.json');
const stampFile = join(modules, '.firtrend-tensorflow.json');

export async function prepareTensorFlow() {
  const stamp = readStamp(stampFile, stateKey());
  if (stamp?.native !== undefined) return;
  const start = performance.now();
  const problem = standingProblem(stamp) ?? (await step('native TensorFlow', makeNative));
  if (problem === undefined) {
    writeStamp(stampFile, stateKey(), { native: true });
    return;
  }
  if (standingProblem(stamp) === undefined) {
    writeProblem(stampFile, stateKey(), problem, (performance.now() - start) / 1000);
  }
  say(`TensorFlow: using the JavaScript backend, which is slower: ${problem}`);
}

/**
 * Loads the binding in another process and computes with it: the file's being there says nothing.
 * @returns {Promise<{ version: string } | { problem: string }>} version of the native library
 */
export async function probeTensorFlow() {
  const script = `
    // tfjs-node calls this, which Node 23 has removed.
    require('node:util').isNullOrUndefined ??= (value) => value === null || value === undefined;
    const tf = require('@tensorflow/tfjs-node');
    if (tf.getBackend() !== 'tensorflow' || tf.add(1, 2).dataSync()[0] !== 3) throw new Error('wrong answer');
    console.log('native ' + tf.backend().binding.TF_Version);`;
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' };
  const probe = await run(process.execPath, ['--eval', script], { cwd: root, env, seconds: 60 });
  const version = /^native (\S+)$/m.exec(probe.output)?.[1];
  return version === undefined ? { problem: probe.why } : { version };
}

/** @returns {Promise<string | undefined>} why there is no native TensorFlow */
async function makeNative() {
  if (await isNative()) return undefined;
  const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
  const cached = findEntry(libraryName);
  if (cached !== undefined) {
    removeBinding();
    if ((await useLibrary(cached, tfjs, version)) === undefined) {
      if (await isNative()) return undefined;
      // Damaged, or its addon was compiled on another system that shares the cache.
      discard(cached);
    }
  }
  const ownProblem = await runOwnInstaller();
  if (ownProblem === undefined) return undefined;
  const library = await downloadLibrary();
  const pypiProblem =
    'problem' in library ? library.problem : await useLibrary(library.folder, tfjs, version);
  if (pypiProblem === undefined) {
    const probe = await probeTensorFlow();
    if ('version' in probe) return undefined;
    removeBinding();
    return `the library from PyPI does not load: ${probe.problem}`;
  }
  removeBinding();
  return `tfjs-node's installer: ${ownProblem}; PyPI: ${pypiProblem}`;
}

async function isNative() {
  return 'version' in (await probeTensorFlow());
}

/**
 * Downloads libtensorflow, then its addon by node-pre-gyp. Behind a firewall either may hang.
 * @returns {Promise<string | undefined>} why not
 */
async function runOwnInstaller() {
  removeBinding();
  const original = readFileSync(manifest);
  // It calls node-pre-gyp by name, as under npm.
  const env = { ...process.env, PATH: [join(modules, '.bin'), process.env.PATH].join(delimiter) };
  const seconds = secondsFromEnvironment('FIRTREND_INSTALLER_SECONDS', 60);
  const installer = await run(process.execPath, ['scripts/install.js'], { cwd: tfjs, env, seconds });
  // It edits its own package.json, and leaves it so when it fails.
  writeFileSync(manifest, original);
  const probe = installer.ok ? await probeTensorFlow() : { problem: installer.why };
  if ('version' in probe) return undefined;
  removeBinding();
  return probe.problem;
}

/** The empty or partial deps/ of a failed installation would pass for a library with tfjs-node's installer. */
function removeBinding() {
  for (const folder of ['deps', 'lib']) rmSync(join(tfjs, folder), { recursive: true, force: true });
}

/** Everything a probe's answer depends on, cheap to look up. */
function stateKey() {
  const files = ['package.json', 'lib/napi-v8/tfjs_binding.node', 'deps/lib/libtensorflow.so'].map((name) => {
    const state = statSync(join(tfjs, name), { throwIfNoEntry: false });
    return state === undefined ? 'missing' : `${state.ino} ${state.size} ${state.mtimeMs}`;
  });
  return hashOf(process.version, process.platform, process.arch, ...files);
}
