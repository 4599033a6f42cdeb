import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** The instruction sets that change the bits of a float32 convolution. */
const telling = ['fma', 'avx2', 'avx512f'] as const;

/**
 * What a trend's bits depend on besides samples and kernel: within one fingerprint they are promised to be equal,
 * across two they agree to 1e-6 of the window's largest magnitude.
 *
 * @example 'onnxruntime 1.30.0, cpu, depthwise16, x64 fma+avx2+avx512f'
 */
export function fingerprint(parts: {
  readonly version: string;
  readonly provider: string;
  readonly plan: string;
}): string {
  return `onnxruntime ${parts.version}, ${parts.provider}, ${parts.plan}, ${process.arch} ${instructionSets()}`;
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
