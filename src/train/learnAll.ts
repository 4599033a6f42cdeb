import type { Backend } from './backend.ts';
import type { Certificate } from './certificate.ts';
import type { FitOptions } from './fit.ts';
import { type Learned, learn, unlearnable } from './learn.ts';
import { learnable } from './objective.ts';
import type { Problem } from './problems.ts';

export interface TrainedKernel {
  readonly channel: string | null;
  /** The float32 taps of the file, newest first. */
  readonly taps: Float32Array;
  /** In the unit of the channel, float32; 0 is none. */
  readonly bias: number;
  /** Of a kernel that channels share, that of their mean loss. */
  readonly certificate: Certificate;
  /** Of a ramp for this channel alone. */
  readonly timeConstant?: number | null;
}

/** Each problem's kernel, one after the other; null where it has no channel with a loss. */
export async function learnAll(
  backend: Backend,
  problems: readonly Problem[],
  { onProgress, ...rest }: Omit<FitOptions, 'maxLag'>,
): Promise<(Learned | null)[]> {
  const learned: (Learned | null)[] = [];
  for (const [i, problem] of problems.entries()) {
    if (!learnable(problem.objective)) {
      learned.push(null);
      continue;
    }
    learned.push(
      await learn(backend, problem, {
        ...(onProgress && {
          onProgress: (at) =>
            onProgress({ ...at, step: i * at.steps + at.step, steps: problems.length * at.steps }),
        }),
        ...rest,
      }),
    );
  }
  return learned;
}

/**
 * The kernels of a model: one for all channels, or where each has its own, or a bias, one for each by name.
 */
export function kernelsOf(
  channels: readonly string[],
  problems: readonly Problem[],
  learned: readonly (Learned | null)[],
  { perChannel, bias }: { readonly perChannel: boolean; readonly bias: boolean },
): [TrainedKernel, ...TrainedKernel[]] {
  const kernelOf = (channel: string | null, i: number, c: number): TrainedKernel => {
    const found = learned[i] ?? unlearnable(problems[i]!, 'the channel was left out of the loss');
    const { taps, biases, certificate } = found;
    const { timeConstant } = learned[i] ?? {};
    return {
      channel,
      taps,
      bias: biases[c]!,
      certificate,
      ...(timeConstant !== undefined && perChannel && { timeConstant }),
    };
  };
  if (!perChannel && !bias) return [kernelOf(null, 0, 0)];
  const [first, ...rest] = channels.map((name, c) =>
    perChannel ? kernelOf(name, c, 0) : kernelOf(name, 0, c),
  );
  return [first!, ...rest];
}
