import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** The checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url));
export const entry: string = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Environment = Readonly<Record<string, string>>;

function start(
  args: readonly string[],
  cwd: string,
  main = entry,
  environment: Environment = {},
): ChildProcess {
  return spawn(process.execPath, [main, ...args], {
    cwd,
    env: { ...process.env, NO_COLOR: '1', ...environment },
  });
}

/** Runs `firtrend ARGS` as built, as a process of its own, and waits for its end. */
export function firtrend(args: readonly string[], cwd: string = root): Promise<Outcome> {
  const child = start(args, cwd);
  let stdout = '';
  let stderr = '';
  child.stdout!.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr!.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}

export interface ServeProcess {
  readonly url: string;
  /** What it has logged so far. */
  log(): string;
  kill(signal: NodeJS.Signals): void;
  /** Sends SIGTERM. @returns its exit code */
  stop(): Promise<number | null>;
}

/** `firtrend serve --port 0 ARGS` as a process of its own, once it listens; killed when the test is over. */
export async function serveProcess(
  args: readonly string[],
  cwd: string = root,
  main?: string,
  environment: Environment = {},
): Promise<ServeProcess> {
  // Clients that linger at the end of a test are not waited for.
  const child = start(['serve', '--port', '0', ...args], cwd, main, {
    FIRTREND_DRAIN_TIMEOUT: '0',
    ...environment,
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  let log = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout! }).once('line', resolve);
    void exited.then((code) => reject(new Error(`serve ended with ${code}: ${log}`)));
  });
  return {
    url: (JSON.parse(line) as { listening: string }).listening,
    log: () => log,
    kill: (signal) => void child.kill(signal),
    stop() {
      child.kill('SIGTERM');
      return exited;
    },
  };
}
