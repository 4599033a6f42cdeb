import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Life, lifeFrom } from './ledger.ts';

const script = fileURLToPath(new URL('process.mjs', import.meta.url));

export interface ProcessOptions {
  readonly commits?: number;
  readonly seed?: number;
  readonly keepSamples?: number;
  readonly maxBytes?: number;
  readonly rows?: number;
  readonly sync?: 'full' | 'normal';
  readonly segmentBytes?: number;
  readonly retryDelay?: number;
  readonly bootId?: string;
}

/** The command line of a log process. */
export function logProcess(folder: string, options: ProcessOptions): string[] {
  return [process.execPath, script, folder, JSON.stringify(options)];
}

/** A process under way, and its lines as they come. */
export function startProcess([command, ...args]: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = once(child, 'close') as Promise<[code: number | null, signal: NodeJS.Signals | null]>;
  return {
    child,
    said: (word: string) => output.includes(word),
    async end(): Promise<{ life: Life; code: number | null; signal: NodeJS.Signals | null; errors: string }> {
      const [code, signal] = await ended;
      return { life: lifeFrom(output), code, signal, errors };
    },
  };
}
