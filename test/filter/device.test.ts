import { expect, test } from 'vitest';
import { cudaProbeCommand, probeCuda } from '../../src/filter/cudaProbe.ts';
import { chooseDevice } from '../../src/filter/device.ts';

/** A stand-in for the probe: a process that does what `program` says. */
const node = (program: string) => ({ file: process.execPath, args: ['-e', program] });
const saying = (text: string) => node(`console.error(${JSON.stringify(text)}); process.exit(1);`);

test('cpu asks nothing', async () => {
  const refuse = () => Promise.reject(new Error('probed'));
  expect(await chooseDevice('cpu', refuse)).toEqual({ provider: 'cpu' });
});

test('cuda that works is taken, by both who ask', async () => {
  const works = () => probeCuda(node('process.exit(0)'));
  expect(await chooseDevice('cuda', works)).toEqual({ provider: 'cuda' });
  expect(await chooseDevice('auto', works)).toEqual({ provider: 'cuda' });
});

test.each([
  [
    "the package's CUDA library",
    saying('OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library'),
    'The CUDA library of onnxruntime-node is not installed: run `node scripts/setup.mjs --cuda`.',
  ],
  [
    "one of CUDA's own libraries",
    saying(
      'Failed to load library /x/libonnxruntime_providers_cuda.so with error: libcublasLt.so.12: cannot open shared object file: No such file or directory',
    ),
    'A library that CUDA needs is missing: libcublasLt.so.12.',
  ],
  [
    "the driver's library",
    saying('libcuda.so.1: cannot open shared object file: No such file or directory'),
    'There is no working NVIDIA driver or GPU here (libcuda.so).',
  ],
  [
    'a new enough driver',
    saying('CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; GPU=-1'),
    'There is no working NVIDIA driver or GPU here (CUDA failure 35).',
  ],
  ['anything said', node('process.exit(3)'), 'CUDA could not be started: no reason was given'],
  [
    'a process that lives',
    node("process.kill(process.pid, 'SIGSEGV')"),
    'The CUDA probe crashed with SIGSEGV.',
  ],
  ['patience', node('setInterval(() => {}, 1000)'), 'The CUDA probe gave no answer in 1 s.'],
] as const)(
  'without %s, auto falls back and cuda fails, each with one sentence',
  async (_, command, sentence) => {
    const probe = () => probeCuda(command, sentence.endsWith(' in 1 s.') ? 1000 : 30_000);
    expect(await chooseDevice('auto', probe)).toEqual({ provider: 'cpu', reason: sentence });
    const demanded = chooseDevice('cuda', probe);
    await expect(demanded).rejects.toMatchObject({ code: 'deviceUnavailable' });
    await expect(demanded).rejects.toThrow(`device cuda: ${sentence}`);
  },
);

test('a probe that cannot be started says so', async () => {
  expect(await probeCuda({ file: '/nowhere/node', args: [] })).toMatch(
    /^The CUDA probe could not be started: /,
  );
});

test('the real probe loads the runtime and runs a session: with the CPU for CUDA it passes', async () => {
  const { file, args } = cudaProbeCommand();
  const onCpu = args.map((arg) =>
    arg.replace('"executionProviders":["cuda"]', '"executionProviders":["cpu"]'),
  );
  expect(onCpu).not.toEqual(args);
  expect(await probeCuda({ file, args: onCpu })).toBeUndefined();
});

test('the real probe answers with one of the sentences, or with CUDA', async () => {
  const device = await chooseDevice('auto');
  if (device.provider === 'cpu')
    expect(device.reason).toMatch(/^(The CUDA library|A library|There is no|CUDA|The CUDA probe).+/);
});
