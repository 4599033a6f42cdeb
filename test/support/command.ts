import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

interface StartOptions {
  readonly cwd?: string;
  /** The built entry point. */
  readonly main?: string;
  readonly environment?: Environment;
  /** A command that runs the one behind it, in its own place: `strace -D …`. */
  readonly through?: readonly string[];
}

function start(args: readonly string[], options: StartOptions = {}): ChildProcess {
  const { cwd = root, main = entry, environment = {}, through = [] } = options;
  const state = join(tmpdir(), `firtrend-state-${randomUUID()}`);
  onTestFinished(() => rm(state, { recursive: true, force: true }));
  const [command, ...rest] = [...through, process.execPath, main, ...args];
  return spawn(command!, rest, {
    cwd,
    // A log of its own, for each has one owner; it is left where the test says where.
    env: { ...process.env, NO_COLOR: '1', STATE_DIRECTORY: state, ...environment },
  });
}

/** Runs `firtrend ARGS` as built, as a process of its own, and waits for its end. */
export function firtrend(args: readonly string[], cwd: string = root): Promise<Outcome> {
  const child = start(args, { cwd });
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

/** `npm run retrain -- ARGS`. */
export function retrain(...args: string[]): Promise<Outcome> {
  const line = ['--import', 'tsx', join(root, 'scripts/retrain.ts'), ...args];
  return new Promise((resolve) => {
    const child = execFile(process.execPath, line, { cwd: root }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}

export interface Running {
  /** Resolves when what has come on stdout and stderr together fits; rejects when the process has ended before. */
  says(text: RegExp): Promise<void>;
  readonly ended: Promise<Outcome>;
}

/** Runs `firtrend ARGS` as built and watches it; killed when the test is over. */
export function firtrendRunning(args: readonly string[], cwd: string = root): Running {
  const child = start(args, { cwd });
  onTestFinished(() => void child.kill('SIGKILL'));
  const said = { stdout: '', stderr: '' };
  const waiters = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]!.on('data', (chunk: Buffer) => {
      said[name] += chunk.toString();
      for (const look of waiters) look();
    });
  }
  const ended = new Promise<Outcome>((resolve) => child.once('close', (code) => resolve({ code, ...said })));
  return {
    ended,
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!text.test(said.stdout + said.stderr)) return;
          waiters.delete(look);
          resolve();
        };
        waiters.add(look);
        look();
        void ended.then(({ code, stderr }) => reject(new Error(`ended with ${code}: ${stderr}`)));
      }),
  };
}

export interface ServeProcess {
  readonly url: string;
  /** What it has logged so far. */
  log(): string;
  kill(signal: NodeJS.Signals): void;
  /** Its exit code; null where a signal ended it. */
  readonly ended: Promise<number | null>;
  /** Sends SIGTERM. @returns its exit code */
  stop(): Promise<number | null>;
}

/** `firtrend serve --port 0 ARGS` as a process of its own, once it listens; killed when the test is over. */
export async function serveProcess(
  args: readonly string[],
  options: StartOptions = {},
): Promise<ServeProcess> {
  const child = start(['serve', '--port', '0', ...args], {
    ...options,
    // Clients that linger at the end of a test are not waited for.
    environment: { FIRTREND_DRAIN_TIMEOUT: '0', ...options.environment },
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
    ended: exited,
    stop() {
      child.kill('SIGTERM');
      return exited;
    },
  };
}
