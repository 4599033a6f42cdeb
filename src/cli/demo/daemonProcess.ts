import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { FirtrendError } from '../../dsp/error.ts';

export interface DaemonProcess {
  readonly url: string;
  /** Ends it with SIGTERM and waits for it. */
  stop(): Promise<void>;
}

/** Starts `firtrend serve` as a process of its own and waits until it listens. @throws FirtrendError `daemonFailed` */
export async function daemonProcess(args: readonly string[]): Promise<DaemonProcess> {
  const entry = process.argv[1]!;
  const child = spawn(process.execPath, [...process.execArgv, entry, 'serve', ...args], {
    // The channel ends with this process, however it ends, and the daemon with the channel.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // Ctrl-C in the terminal is for the demo; it ends the daemon when the last trend has come.
    detached: true,
  });
  let log = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-4000);
  });
  const endWithUs = (): boolean => child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const exited = once(child, 'exit');
  const url = await Promise.race([
    listening(child),
    exited.then(() => {
      throw new FirtrendError('daemonFailed', `daemon: expected it to start, got:\n${log.trim()}`);
    }),
  ]);
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      await exited;
      process.off('exit', endWithUs);
    },
  };
}

async function listening(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    return (JSON.parse(line) as { listening: string }).listening;
  }
  return new Promise<never>(() => undefined);
}
