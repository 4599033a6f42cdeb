import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { z } from 'zod';

/** A model file to judge by the recording it was trained on. */
interface Case {
  readonly model: string;
  readonly csv: string;
  readonly holdout: number;
  /** The largest lag in samples, where it was trained with one. */
  readonly maxLag?: number;
  /** Whether to look for the smallest loss of the class as well. */
  readonly optimum?: boolean;
}

const judged = z.object({
  loss: z.number(),
  gap: z.number(),
  covered: z.number().optional(),
  optimum: z.number().optional(),
});
const findings = z.array(judged.extend({ relative: z.number(), lag: z.number(), kernels: z.array(judged) }));

export type Finding = z.infer<typeof findings>[number];

/** What a script beside this file finds for each case, with NumPy and SciPy and nothing of src/. */
export async function recomputed(
  python: string,
  cases: readonly Case[],
  script: 'recompute.py' | 'recomputeRobust.py' = 'recompute.py',
): Promise<Finding[]> {
  const child = spawn(python, [join(import.meta.dirname, script)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(JSON.stringify(cases));
  let text = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) text += chunk;
  return findings.parse(JSON.parse(text));
}
