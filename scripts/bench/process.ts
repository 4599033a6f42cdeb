import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** What a measured process says of itself. */
interface Usage {
  /** CPU time so far (ms). */
  readonly cpu: number;
  /** Resident bytes. */
  readonly rss: number;
  /** How late timers were since the last reset (ms). */
  readonly loopDelay: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** A server in a process of its own. */
export interface Server {
  readonly url: string;
  /** How long it took until it listened (ms). */
  readonly startedIn: number;
  usage(asked?: 'reset'): Promise<Usage>;
  stop(): Promise<void>;
}

async function start(args: readonly string[]): Promise<Server> {
  const began = performance.now();
  const child: ChildProcess = spawn(
    process.execPath,
    ['--import', new URL('daemon/probe.mjs', import.meta.url).href, ...args],
    { stdio: ['ignore', 'pipe', 'ignore', 'ipc'] },
  );
  const exited = once(child, 'exit');
  const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
  const startedIn = performance.now() - began;
  return {
    url: (JSON.parse(line) as { listening: string }).listening,
    startedIn,
    async usage(asked) {
      const answer = once(child, 'message');
      child.send(asked ?? 'usage');
      return (await answer)[0] as Usage;
    },
    async stop() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** `firtrend serve` on a free port, as built. */
export function daemonProcess(args: readonly string[] = ['--model', 'gait@1']): Promise<Server> {
  return start([here('../../dist/cli/main.js'), 'serve', '--port', '0', '--log', 'memory', ...args]);
}

/** A bare `ws` server that passes every message on to all others. */
export function relayProcess(): Promise<Server> {
  return start([here('daemon/relay.mjs')]);
}
