import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';

const reports = {
  check: z.array(
    z.object({
      taps: z.number(),
      error: z.number(),
      opset: z.number(),
      metadata: z.record(z.string(), z.string()),
    }),
  ),
  read: z.array(z.object({ taps: z.string(), bias: z.string() })),
};

/** What `runtimes.py` says of these files. */
export async function inPython<C extends keyof typeof reports>(
  python: string,
  command: C,
  files: readonly string[],
): Promise<z.infer<(typeof reports)[C]>> {
  const script = `${import.meta.dirname}/runtimes.py`;
  const { stdout } = await promisify(execFile)(python, [script, command, ...files], { maxBuffer: 64 << 20 });
  return reports[command].parse(JSON.parse(stdout)) as z.infer<(typeof reports)[C]>;
}
