import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { z } from 'zod';
import { pythonPath } from '../../test/support/python.ts';

const answers = {
  train: z.object({ loss: z.number(), alpha: z.number(), moved: z.number(), seconds: z.number() }),
  race: z.object({
    steps: z.number(),
    stepSeconds: z.number(),
    batchSteps: z.number(),
    batchSeconds: z.number(),
    alpha: z.number(),
  }),
};

/** The Python that has PyTorch, installed where it is not; undefined where it cannot be had, and setup said why. */
export function torchPython(): string | undefined {
  const setup = join(import.meta.dirname, '../setup.mjs');
  execFileSync(process.execPath, [setup, '--torch'], { stdio: ['ignore', 2, 2] });
  return pythonPath('torch');
}

/** Asks `forum.py`, the forum's module in PyTorch. */
export async function askForum<K extends keyof typeof answers>(
  python: string,
  kind: K,
  request: object,
): Promise<z.infer<(typeof answers)[K]>> {
  const child = spawn(python, [join(import.meta.dirname, 'forum.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(JSON.stringify(request));
  let text = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) text += chunk;
  return answers[kind].parse(JSON.parse(text)) as z.infer<(typeof answers)[K]>;
}
