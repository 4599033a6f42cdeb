import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** `firtrend serve` on a free port, as built, in a process of its own. */
export async function serveProcess(args: readonly string[]) {
  const child = spawn(process.execPath, [entry, 'serve', '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exited = once(child, 'exit');
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return {
    url: (JSON.parse(line) as { listening: string }).listening,
    async stop(): Promise<void> {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
