/**
 * TensorFlow's library from PyPI, for where tfjs-node's own download is out of reach: the wheel of tensorflow-cpu holds
 * the same C API and its headers. tfjs-node's addon is then compiled against it (5 s, N-API: one serves every Node).
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { findEntry, makeEntry } from './cache.mjs';
import { modules, replaceFile } from './paths.mjs';
import { findPip, installWithApt } from './python.mjs';
import { downloadSeconds, run } from './run.mjs';

const version = '2.15.1';
/**
 * The newest line of TensorFlow that tfjs-node 4.22 compiles against and runs on; CPython 3.11's wheel, which any
 * Python can unpack. The hash is checked by pip.
 */
const wheels = {
  'linux-x64': {
    name: 'tensorflow-cpu',
    platform: 'manylinux_2_17_x86_64',
    sha256: '54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26',
  },
  // The layout and the hash are checked, running it is not: no such machine was at hand.
  'linux-arm64': {
    name: 'tensorflow-cpu-aws',
    platform: 'manylinux_2_17_aarch64',
    sha256: 'd4c3a3a9363bf42999adedbbd514e3a133be2d62f61fee9cfa46aaefb087c09e',
  },
};
const here = `${process.platform}-${process.arch}`;
const compiler = process.env.CXX || 'g++';

export const libraryName = `libtensorflow-${version}-${here}`;

/** @returns {Promise<{ folder: string } | { problem: string }>} */
export async function downloadLibrary() {
  const wheel = wheels[/** @type {keyof typeof wheels} */ (here)];
  if (wheel === undefined) return { problem: `PyPI has no library for ${here}` };
  const tools = await findTools();
  if ('problem' in tools) return tools;
  const whole = findEntry(libraryName);
  if (whole !== undefined) return { folder: whole };
  return makeEntry(libraryName, async (folder) => {
    const downloads = join(folder, 'downloads');
    mkdirSync(downloads);
    const pinned = join(downloads, 'requirements.txt');
    writeFileSync(pinned, `${wheel.name}==${version} --hash=sha256:${wheel.sha256}\n`);
    const [command, ...args] = tools.pip;
    const interpreter = ['--implementation', 'cp', '--python-version', '3.11', '--abi', 'cp311'];
    const pip = await run(
      command,
      // biome-ignore format: one option a line reads worse
      [...args, 'download', '--disable-pip-version-check', '--retries', '2', '--no-deps', '--only-binary=:all:',
        ...interpreter, '--platform', wheel.platform, '--dest', downloads, '--requirement', pinned],
      { seconds: downloadSeconds() },
    );
    if (!pip.ok) return `pip: ${pip.why}`;
    const file = readdirSync(downloads).find((name) => name.endsWith('.whl'));
    if (file === undefined) return 'pip downloaded no wheel';
    const script = join(import.meta.dirname, 'unpack_wheel.py');
    const unpacked = await run(tools.python, [script, join(downloads, file), folder]);
    rmSync(downloads, { recursive: true });
    return unpacked.ok ? undefined : `unpacking: ${unpacked.why}`;
  });
}

/**
 * What downloading and compiling need, from apt where that is possible.
 * @returns {Promise<{ python: string, pip: string[] } | { problem: string }>}
 */
async function findTools() {
  let found = await findPip();
  let compiles = await hasCompiler();
  const missing = [
    ...(found.python === undefined ? ['python3'] : []),
    ...(found.pip === undefined ? ['python3-pip'] : []),
    ...(compiles ? [] : ['g++']),
  ];
  if (missing.length > 0 && (await installWithApt(missing))) {
    found = await findPip();
    compiles = await hasCompiler();
  }
  const { python, pip } = found;
  if (python === undefined) return { problem: 'python3 is not installed' };
  if (pip === undefined) return { problem: 'pip is not installed' };
  if (!compiles) return { problem: `${compiler} is not installed` };
  return { python, pip };
}

async function hasCompiler() {
  return (await run(compiler, ['--version'])).ok;
}

/**
 * Makes tfjs-node use the library: `deps` links to it, the addon is copied beside it.
 * @param {string} library  folder of the cache
 * @param {string} tfjs  folder of the package
 * @param {string} tfjsVersion
 * @returns {Promise<string | undefined>} why not
 */
export async function useLibrary(library, tfjs, tfjsVersion) {
  const addon = join(library, 'addon', `tfjs-node-${tfjsVersion}.node`);
  if (!existsSync(addon)) {
    const problem = await compileAddon(library, tfjs, addon);
    if (problem !== undefined) return problem;
  }
  replaceFile(join(tfjs, 'deps'), (link) => symlinkSync(library, link));
  // A copy, for the loader resolves links first and would look for the library relative to the cache.
  replaceFile(join(tfjs, 'lib/napi-v8/tfjs_binding.node'), (file) => copyFileSync(addon, file));
  return undefined;
}

/**
 * What node-gyp would do from tfjs-node's binding.gyp, without its download of Node's headers.
 * @param {string} library
 * @param {string} tfjs
 * @param {string} addon
 * @returns {Promise<string | undefined>} why not
 */
async function compileAddon(library, tfjs, addon) {
  mkdirSync(join(library, 'addon'), { recursive: true });
  const unfinished = `${addon}.${process.pid}`;
  const includes = ['.', join(library, 'include'), join(modules, 'node-api-headers/include')];
  const result = await run(
    compiler,
    [
      ...['-shared', '-fPIC', '-O2', '-std=c++17', '-DNAPI_VERSION=8', '-DNODE_GYP_MODULE_NAME=tfjs_binding'],
      ...includes.map((folder) => `-I${folder}`),
      ...['binding/tfjs_backend.cc', 'binding/tfjs_binding.cc'],
      ...[`-L${join(library, 'lib')}`, '-ltensorflow', '-ltensorflow_framework'],
      // From lib/napi-v8 of the package to its deps.
      ...['-Wl,-rpath,$ORIGIN/../../deps/lib', '-o', unfinished],
    ],
    { cwd: tfjs },
  );
  if (!result.ok) {
    rmSync(unfinished, { force: true });
    return `${compiler}: ${result.why}`;
  }
  renameSync(unfinished, addon);
  return undefined;
}
