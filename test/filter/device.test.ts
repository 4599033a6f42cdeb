import { InferenceSession } from 'onnxruntime-node';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { cudaProbeCommand, probeCuda } from '../../src/filter/cudaProbe.ts';
import { chooseDevice } from '../../src/filter/device.ts';
import { plans } from '../../src/filter/plans.ts';
import { createTrendFilter } from '../../src/filter/trendFilter.ts';
import { altered, oneShot, randomFrom, randomKernel } from './support.ts';

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

describe('CUDA, with the CPU standing in for it in the runtime', () => {
  /** Every session as it is asked for; those on CUDA get the CPU. */
  function sessions(): { model: Uint8Array; options: InferenceSession.SessionOptions }[] {
    const asked: { model: Uint8Array; options: InferenceSession.SessionOptions }[] = [];
    const create = InferenceSession.create.bind(InferenceSession) as (
      model: Uint8Array,
      options: InferenceSession.SessionOptions,
    ) => Promise<InferenceSession>;
    const spy = vi.spyOn(InferenceSession, 'create') as unknown as {
      mockImplementation(by: typeof create): void;
      mockRestore(): void;
    };
    spy.mockImplementation((model, options) => {
      asked.push({ model, options });
      return create(model, { ...options, executionProviders: ['cpu'] });
    });
    onTestFinished(() => spy.mockRestore());
    return asked;
  }

  const kernels = [randomKernel(randomFrom(1), 17)];
  const x = Float32Array.from({ length: 100 }, (_, n) => Math.sin(n));

  test('the session is made by the same code as on the CPU, and asks for CUDA alone, without TF32', async () => {
    delete process.env.NVIDIA_TF32_OVERRIDE;
    const asked = sessions();
    // A plan that both have.
    const planOrder = plans.filter(({ name }) => name === 'depthwise16');
    const onCpu = await createTrendFilter(kernels, { device: { provider: 'cpu' }, planOrder });
    const [first] = asked.splice(0);
    expect(process.env.NVIDIA_TF32_OVERRIDE).toBeUndefined();
    const onCuda = await createTrendFilter(kernels, { device: { provider: 'cuda' }, planOrder });
    expect(asked).toEqual([
      { model: first!.model, options: { ...first!.options, executionProviders: ['cuda'] } },
    ]);
    expect(process.env.NVIDIA_TF32_OVERRIDE).toBe('0');
    expect([onCpu.exact, onCuda.exact]).toEqual([true, false]);
    expect(onCuda.fingerprint).toMatch(/^onnxruntime [\d.]+, cuda, depthwise16, (x64|arm64) \S+$/);
    expect((await oneShot(onCuda, x, 1)).trend).toEqual((await oneShot(onCpu, x, 1)).trend);
    await Promise.all([onCpu.release(), onCuda.release()]);
  });

  test('what is off by less than 1e-5 is good enough for CUDA and not for the CPU, by more for neither', async () => {
    sessions();
    const off = (by: number) =>
      altered(plans.find(({ name }) => name === 'depthwise16')!, 'off', (y) => y.map((v) => v + by));
    const open = (provider: 'cpu' | 'cuda', by: number) =>
      createTrendFilter(kernels, { device: { provider }, planOrder: [off(by)] });
    await (await open('cuda', 5e-6)).release();
    await expect(open('cpu', 5e-6)).rejects.toMatchObject({ code: 'filterProof' });
    await expect(open('cuda', 2e-5)).rejects.toThrow('plan off on cuda: impulse');
  });
});
