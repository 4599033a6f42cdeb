import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { laneBlock } from '../model/encodePlan.ts';
import { float32Bytes } from '../model/float32Bytes.ts';
import { noise, signalOf } from './noise.ts';
import { onnxruntime, type Provider } from './onnxruntime.ts';
import type { Plan } from './plans.ts';

/** The instruction sets that change the bits of a float32 convolution. */
const telling = ['fma', 'avx2', 'avx512f'] as const;

/**
 * What a trend's bits depend on besides samples and kernel: within one fingerprint they are promised to be equal,
 * across two they agree to 1e-6 of the window's largest magnitude.
 *
 * What the machine says of itself is not enough: an emulator, or a library told to do without an instruction set, leaves
 * the operating system's list of them as it was. So the last part is evidence, a hash of the bits that the plan gives for
 * fixed kernels and samples. CUDA promises no bits, and has none.
 *
 * @example 'onnxruntime 1.30.0, cpu, depthwise16, x64 fma+avx2+avx512f, bits 5f1c09aa'
 */
export async function fingerprint(plan: Plan, provider: Provider): Promise<string> {
  const version = onnxruntime().env.versions.node ?? 'unknown';
  const machine = `onnxruntime ${version}, ${provider}, ${plan.name}, ${process.arch} ${instructionSets()}`;
  return provider === 'cpu' ? `${machine}, bits ${await bitsOf(plan)}` : machine;
}

const bits = new WeakMap<Plan, Promise<string>>();

/** The same at every call, so found once in a process. */
function bitsOf(plan: Plan): Promise<string> {
  const known = bits.get(plan);
  if (known) return known;
  const found = triedBits(plan);
  bits.set(plan, found);
  return found;
}

async function triedBits(plan: Plan): Promise<string> {
  const hash = createHash('sha256');
  // Short and long sums: products alone would not tell a fused multiplication and addition from two roundings.
  for (const taps of [2, 33, 257]) {
    const lanes = Array.from({ length: laneBlock }, (_, lane) =>
      Float32Array.from({ length: taps }, (_, j) => noise(lane, j) / taps),
    );
    const convolution = await plan.open(lanes, 'cpu');
    const length = taps - 1 + (plan.outputs ?? 16);
    hash.update(float32Bytes(await convolution.run(signalOf(laneBlock, length, noise), 1, length)));
    await convolution.release();
  }
  return hash.digest('hex').slice(0, 8);
}

let known: string | undefined;

function instructionSets(): string {
  known ??= process.arch === 'arm64' ? 'neon' : (fromCpuinfo() ?? cpuModel());
  return known;
}

function fromCpuinfo(): string | undefined {
  let text: string;
  try {
    text = readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return undefined; // Not Linux.
  }
  const flags = /^flags\s*:(.*)$/m.exec(text)?.[1]?.split(' ');
  return flags && (telling.filter((name) => flags.includes(name)).join('+') || 'none');
}

/** Where the flags cannot be read the model of the CPU stands for them: it tells apart too much, never too little. */
function cpuModel(): string {
  return cpus()[0]?.model.trim() ?? 'unknown';
}
