#!/usr/bin/env node
/**
 * Makes a checkout ready to run: `node scripts/setup.mjs [--build | --test] [--torch] [--cuda]`.
 *
 * Plain JavaScript with no packages, because it is what installs them. Each step looks at what is there and does
 * only what is missing; when nothing is, the whole run takes well under a second. What it installs, where, and the
 * environment variables are described in docs/setup.md. Works on Node 20, 22 and 24, Linux and macOS.
 */
import { installCuda } from './setup/cuda.mjs';
import { installDependencies } from './setup/dependencies.mjs';
import { buildDist } from './setup/dist.mjs';
import { prepareEmulator } from './setup/emulator.mjs';
import { lockCheckout } from './setup/lock.mjs';
import { preparePython } from './setup/python.mjs';
import { SetupError, say } from './setup/run.mjs';
import { prepareTensorFlow } from './setup/tensorflow.mjs';
import { prepareTools } from './setup/tools.mjs';

const usage = `Usage: node scripts/setup.mjs [--build | --test] [--torch] [--cuda]

Makes this checkout ready: npm packages, native TensorFlow, dist/. Does only what is missing.

  --build   only build dist/
  --test    also the Python packages that some tests compare with, WebSocket conformance cases, qemu-user,
            strace, faketime
  --torch   also PyTorch, which \`npm run proof -- forum\` and \`npm run bench -- training\` compare with (5.5 GB)
  --cuda    also ONNX Runtime's CUDA libraries (Linux x64; untested on a real GPU)
  --help    this text

Environment: FIRTREND_CACHE, FIRTREND_APT, FIRTREND_INSTALLER_SECONDS, FIRTREND_DOWNLOAD_SECONDS,
FIRTREND_PYTHON; see docs/setup.md.
`;

const flags = new Set(process.argv.slice(2));
const unknown = [...flags].find(
  (flag) => !['--build', '--test', '--torch', '--cuda', '--help'].includes(flag),
);

if (unknown !== undefined) {
  process.stderr.write(`setup: unknown argument ${unknown}\n\n${usage}`);
  process.exitCode = 2;
} else if (flags.has('--build') && flags.size > 1 && !flags.has('--help')) {
  process.stderr.write(`setup: --build stands alone\n\n${usage}`);
  process.exitCode = 2;
} else if (flags.has('--help')) {
  process.stdout.write(usage);
} else {
  try {
    await setUp();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`failed: ${error.message}`);
    process.exitCode = 1;
  }
}

async function setUp() {
  await lockCheckout();
  if (flags.has('--build')) return buildDist();
  await installDependencies();
  await prepareTensorFlow();
  // Before dist/: CUDA and the tests' tools do not need a source tree that compiles.
  if (flags.has('--cuda')) await installCuda();
  if (flags.has('--test')) {
    await preparePython('test');
    await preparePython('conformance');
    await prepareEmulator();
    await prepareTools();
  }
  if (flags.has('--torch')) await preparePython('torch');
  await buildDist();
}
