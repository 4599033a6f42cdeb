import { createRequire } from 'node:module';
import type * as Onnxruntime from 'onnxruntime-node';

export type Provider = 'cpu' | 'cuda';

const require = createRequire(import.meta.url);

/** Where the package's entry file lies: for a child process that is to load the same one. */
export function onnxruntimePath(): string {
  return require.resolve('onnxruntime-node');
}

/**
 * From 1.29 on the library reports each session to its maker, by a data base in the user's cache and a log in /tmp, unless
 * this is set when it loads. What is filtered here is nobody else's business, so the environment has no say.
 */
export const withoutTelemetry = { ORT_DISABLE_TELEMETRY: '1' } as const;

/**
 * onnxruntime-node, loaded on first use: it costs start-up time that most commands need not pay. `require`, because the
 * package is CommonJS and the answer is wanted at once.
 */
export function onnxruntime(): typeof Onnxruntime {
  Object.assign(process.env, withoutTelemetry);
  return require('onnxruntime-node') as typeof Onnxruntime;
}

/**
 * The options of every session of the filter, whatever its provider. One thread, no spinning: calls are short and many,
 * and the machine belongs to the daemon's other work. `['cuda', 'cpu']` would throw where the CUDA library is missing,
 * so exactly one provider is asked for.
 */
export function sessionOptions(provider: Provider): Onnxruntime.InferenceSession.SessionOptions {
  return {
    executionProviders: [provider],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    enableCpuMemArena: true,
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } },
  };
}

/**
 * Opens a session on a model made by this project.
 *
 * On CUDA, TF32 (10 bits of mantissa) must be off, and the library reads that wish once, when it loads.
 */
export async function openSession(
  model: Uint8Array,
  provider: Provider,
): Promise<Onnxruntime.InferenceSession> {
  if (provider === 'cuda') process.env.NVIDIA_TF32_OVERRIDE = '0';
  return onnxruntime().InferenceSession.create(model, sessionOptions(provider));
}
