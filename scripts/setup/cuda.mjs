/**
 * ONNX Runtime's CUDA libraries. onnxruntime-node leaves them out of its npm package for their size; its own script
 * fetches them from NuGet's feed. Never tried on a machine with a GPU: this checks that the files arrive, no more.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { modules } from './paths.mjs';
import { downloadSeconds, run, SetupError, say, step } from './run.mjs';

const runtime = join(modules, 'onnxruntime-node');
const libraries = ['cuda', 'shared'].map((name) =>
  join(runtime, 'bin/napi-v6/linux/x64', `libonnxruntime_providers_${name}.so`),
);

export async function installCuda() {
  if (libraries.every((file) => existsSync(file))) return;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new SetupError(
      `ONNX Runtime has CUDA libraries for Linux x64 only, this is ${process.platform} ${process.arch}. Serve with --device cpu.`,
    );
  }
  // "true" asks for everything the platform has. `cuda12` by name is accepted and then ignored by version 1.30.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'true' };
  const installer = await step('CUDA libraries', () =>
    run(process.execPath, ['script/install.js'], { cwd: runtime, env, seconds: downloadSeconds() }),
  );
  if (!installer.ok || !libraries.every((file) => existsSync(file))) {
    for (const file of libraries) rmSync(file, { force: true });
    throw new SetupError(
      `ONNX Runtime's CUDA libraries: ${installer.why || 'its installer left files out'}. They come from NuGet's feed (api.nuget.org): run setup --cuda where that is in reach, or serve with --device cpu.`,
    );
  }
  say('CUDA libraries are in place (CUDA 12 and cuDNN 9 must be installed; untested on a GPU)');
}
